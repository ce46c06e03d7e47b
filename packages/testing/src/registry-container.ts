import type { RegistryHandle } from './registry-handle.ts';

export interface RegistryContainerOptions {
  /** Default: SLIPWAY_TEST_REGISTRY_IMAGE, else `registry:3`. */
  readonly image?: string;
}

const PORT = 5000;
const STARTUP_MS = 120_000;

/** Starts a registry in a container through Testcontainers. Needs a Docker engine. */
export async function startRegistryContainer(options: RegistryContainerOptions = {}): Promise<RegistryHandle> {
  const image = options.image ?? process.env.SLIPWAY_TEST_REGISTRY_IMAGE ?? 'registry:3';
  // Ryuk, which removes the containers of dead test runs, is one more image to pull; `stop` removes ours.
  process.env.TESTCONTAINERS_RYUK_DISABLED ??= 'true';
  // Loaded here, for it takes its time and most tests do without.
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(image)
    .withExposedPorts(PORT)
    .withWaitStrategy(Wait.forHttp('/v2/', PORT).forStatusCode(200))
    .withStartupTimeout(STARTUP_MS)
    .start();
  const [host, port] = [container.getHost(), container.getMappedPort(PORT)];
  return {
    kind: 'container',
    reason: `${image} in a container`,
    host,
    port,
    address: `${host}:${port}`,
    stop: async () => {
      await container.stop({ remove: true, removeVolumes: true });
    },
  };
}
