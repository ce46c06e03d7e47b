import { randomUUID } from 'node:crypto';
import { lrpOfImage, type RegistryHandle } from '@slipway/testing';
import { BenchCell } from '../cell/bench-cell.ts';
import { firstAnswer } from '../cell/first-answer.ts';
import { type Crowd, type CrowdHost, type CrowdImage, measureCrowd } from './crowd.ts';
import type { FoundProcess } from './processes.ts';

/** All placements at once, as a scheduler writes them: how many are created side by side is the cell's to decide. */
export async function runSlipway(
  { name, image, port }: CrowdImage,
  registry: RegistryHandle,
  instances: number,
  stopped: AbortSignal,
): Promise<Crowd> {
  const cell = await BenchCell.start();
  try {
    const where = { registry: registry.address, repository: `bench/${name}` };
    const lrp = lrpOfImage(image, where, {
      instances,
      routes: [{ uri: 'crowd.apps.localhost', port, protocol: 'http1' }],
    });
    await cell.desire(lrp);
    const start = async (guid: string, index: number): Promise<void> => {
      await cell.place(lrp, index, guid);
      const { address = '' } = await cell.untilRunning(guid);
      await firstAnswer({ address, port, host: address, path: '/' }, stopped);
    };
    const first = randomUUID();
    await start(first, 0);
    await cell.remove(first);
    const guids = Array.from({ length: instances }, () => randomUUID());
    const host: CrowdHost = {
      startAll: async () => void (await Promise.all(guids.map(start))),
      removeAll: async () => void (await Promise.all(guids.map((guid) => cell.remove(guid)))),
      sort: (processes) => sort(processes, cell),
    };
    return await measureCrowd(host, instances, stopped);
  } finally {
    await cell.stop();
  }
}

function sort(processes: readonly FoundProcess[], cell: BenchCell): ReturnType<CrowdHost['sort']> {
  const mentions = ({ command }: FoundProcess, text: string): boolean => command.some((word) => word.includes(text));
  const ours = processes.filter((one) => mentions(one, cell.dataDir));
  const conmon = ours.filter(({ command }) => command[0]?.endsWith('/conmon'));
  const init = childrenOf(conmon, processes);
  return {
    rep: processes.filter(({ pid }) => pid === cell.repPid),
    router: processes.filter(({ pid }) => pid === cell.routerPid),
    nats: processes.filter(({ parent, command }) => parent === process.pid && command[0] === 'nats-server'),
    conmon,
    keeper: ours.filter(({ command }) => command[0]?.endsWith('/cat')),
    init,
    app: childrenOf(init, processes),
  };
}

function childrenOf(parents: readonly FoundProcess[], processes: readonly FoundProcess[]): readonly FoundProcess[] {
  const pids = new Set(parents.map(({ pid }) => pid));
  return processes.filter(({ parent }) => pids.has(parent));
}
