import { randomUUID } from 'node:crypto';
import { INIT_DESTINATION } from '../bundle/oci-config.ts';
import { GardenError } from '../errors.ts';
import type { Container } from './container.ts';
import type { ContainerSpec } from './container-spec.ts';

const PREFIX = 'probe-';
const MEBIBYTE = 1024 * 1024;
/** For a program that prints its version. */
const END_MS = 10_000;

/** A probe that a rep was killed over is nothing to take over. */
export function isProbe(handle: string): boolean {
  return handle.startsWith(PREFIX);
}

/**
 * Makes a container of an empty image, starts its init with nothing but a request for its version, and removes it: all
 * the steps of an instance but the download, through the same code (Diego's garden health check).
 * @throws GardenError of whatever step failed
 */
export async function probe(
  create: (spec: ContainerSpec, options: { readonly signal?: AbortSignal }) => Promise<Container>,
  signal: AbortSignal,
): Promise<void> {
  const container = await create(
    {
      handle: `${PREFIX}${randomUUID()}`,
      layers: [],
      process: { entrypoint: [INIT_DESTINATION], cmd: ['--version'], workdir: '', user: '', imageEnv: [], env: {} },
      limits: { memoryBytes: 64 * MEBIBYTE, cpuShares: 2, pids: 16, nofile: 256 },
    },
    { signal },
  );
  try {
    await container.start();
    const { exit, killed } = await container.stop({ signal: 'SIGCONT', graceMs: END_MS });
    if (killed || exit.status !== 0) {
      const how = killed ? `did not end within ${END_MS} ms` : `ended with status ${exit.status}`;
      throw new GardenError('RUNTIME_FAILED', 'start', `The process of the probe container ${how}`);
    }
  } finally {
    await container.delete();
  }
}
