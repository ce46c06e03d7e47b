import { startDockerEngine } from '@slipway/infra';
import type { RegistryHandle } from '@slipway/testing';
import { firstAnswer } from '../cell/first-answer.ts';
import { freePort } from '../cell/free-port.ts';
import { atOnce, type Crowd, type CrowdHost, type CrowdImage, measureCrowd } from './crowd.ts';
import type { FoundProcess } from './processes.ts';

/** As many as a cell creates side by side; with more of them each only takes longer. */
const RUNS_AT_ONCE = 8;

/** `docker run -d -p` for each, by an engine of its own that has the image. */
export async function runDocker(
  { name, port }: CrowdImage,
  registry: RegistryHandle,
  instances: number,
  stopped: AbortSignal,
): Promise<Crowd> {
  const engine = await startDockerEngine(stopped);
  try {
    const reference = `${registry.address}/bench/${name}:latest`;
    const start = async (): Promise<string> => {
      const published = await freePort();
      const publish = `127.0.0.1:${published}:${port}`;
      const container = await engine.docker(['run', '--detach', '--publish', publish, reference]);
      await firstAnswer({ port: published, host: 'localhost', path: '/' }, stopped);
      return container;
    };
    await engine.docker(['pull', '--quiet', reference]);
    await engine.docker(['rm', '--force', await start()]);
    const containers: string[] = [];
    const host: CrowdHost = {
      startAll: () => atOnce(instances, RUNS_AT_ONCE, async () => void containers.push(await start())),
      removeAll: async () => void (await engine.docker(['rm', '--force', ...containers])),
      sort: (processes) => sort(processes, engine.host.replace(/^unix:\/\/(.*)\/[^/]*$/, '$1')),
    };
    return await measureCrowd(host, instances, stopped);
  } finally {
    await engine.stop();
  }
}

/** `directory`: of this engine's sockets, which all its processes are told. */
function sort(processes: readonly FoundProcess[], directory: string): ReturnType<CrowdHost['sort']> {
  const called = (name: string): readonly FoundProcess[] =>
    processes.filter(({ command }) => command[0]?.endsWith(name) && command.some((word) => word.includes(directory)));
  const [dockerd, shim] = [called('dockerd'), called('containerd-shim-runc-v2')];
  const parents = (found: readonly FoundProcess[]): ReadonlySet<number> => new Set(found.map(({ pid }) => pid));
  const [engines, shims] = [parents(dockerd), parents(shim)];
  return {
    dockerd,
    containerd: called('containerd'),
    shim,
    proxy: processes.filter(({ parent, command }) => engines.has(parent) && command[0]?.endsWith('docker-proxy')),
    app: processes.filter(({ parent }) => shims.has(parent)),
  };
}
