/** What a process of a started app uses. */
export interface ProcessUsage {
  readonly guid: string;
  readonly type: string;
  readonly instances: number;
  /** Of each instance. */
  readonly memoryMb: number;
}

/** What a usage event tells. */
export interface UsageChange {
  readonly state: 'STARTED' | 'STOPPED';
  readonly previousState: 'STARTED' | 'STOPPED';
  readonly process: ProcessUsage;
  readonly previous: Pick<ProcessUsage, 'instances' | 'memoryMb'>;
}

/** What to note of an app whose started processes were these before and are these now. */
export function usageChanges(before: readonly ProcessUsage[], after: readonly ProcessUsage[]): UsageChange[] {
  const was = new Map(before.map((process) => [process.guid, process]));
  const is = new Map(after.map((process) => [process.guid, process]));
  const stopped = before
    .filter(({ guid }) => !is.has(guid))
    .map((process) => ({ state: 'STOPPED', previousState: 'STARTED', process, previous: process }) as const);
  const changed = after.flatMap((process): UsageChange[] => {
    const previous = was.get(process.guid);
    if (previous === undefined) {
      return [{ state: 'STARTED', previousState: 'STOPPED', process, previous: process }];
    }
    const same = previous.instances === process.instances && previous.memoryMb === process.memoryMb;
    return same ? [] : [{ state: 'STARTED', previousState: 'STARTED', process, previous }];
  });
  return [...changed, ...stopped];
}
