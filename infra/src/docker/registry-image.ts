import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runCommand } from '../process/run-command.ts';
import type { DockerEngine } from './docker-engine.ts';

/** As in the image `registry:2`, which cannot be pulled everywhere. */
const CONFIG = `version: 0.1
log:
  fields:
    service: registry
storage:
  filesystem:
    rootdirectory: /var/lib/registry
  delete:
    enabled: true
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
`;

const DOCKERFILE = `FROM scratch
COPY root/ /
VOLUME /var/lib/registry
EXPOSE 5000
ENTRYPOINT ["/bin/registry"]
CMD ["serve", "/etc/docker/registry/config.yml"]
`;

/**
 * Builds an image of the CNCF Distribution registry from the machine's own docker-registry (Debian's package): the
 * program, the libraries that it is linked with, and a configuration.
 */
export async function buildRegistryImage(engine: DockerEngine, tag: string): Promise<void> {
  const context = await mkdtemp(join(tmpdir(), 'slipway-registry-image-'));
  try {
    const put = async (from: string, to: string): Promise<void> => {
      await mkdir(dirname(join(context, 'root', to)), { recursive: true });
      await copyFile(from, join(context, 'root', to));
    };
    const program = '/usr/bin/docker-registry';
    await put(program, '/bin/registry');
    for (const library of await librariesOf(program)) await put(library, library);
    await mkdir(join(context, 'root/etc/docker/registry'), { recursive: true });
    await mkdir(join(context, 'root/var/lib/registry'), { recursive: true });
    await writeFile(join(context, 'root/etc/docker/registry/config.yml'), CONFIG);
    await writeFile(join(context, 'Dockerfile'), DOCKERFILE);
    await engine.docker(['build', '--tag', tag, context]);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/** The shared libraries and the loader, by `ldd`; none for a static program. */
async function librariesOf(program: string): Promise<string[]> {
  const { output } = await runCommand('ldd', [program]);
  return [...output.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] as string);
}
