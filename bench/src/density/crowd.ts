import { setTimeout as delay } from 'node:timers/promises';
import type { BuiltImage } from '@slipway/testing';
import { rounded } from '../cell/statistics.ts';
import { allProcesses, cpuSeconds, type FoundProcess, megabytes } from './processes.ts';

/** What is started many times. */
export interface CrowdImage {
  readonly name: string;
  readonly image: BuiltImage;
  readonly port: number;
}

/** What many instances cost. Memory is proportional set size in MB (10^6 bytes), for each instance. */
export interface Crowd {
  /** From the first request until every instance has answered. */
  readonly healthy_s: number;
  /** Of the platform, beside the app's own. */
  readonly platform_mb_per_instance: number;
  /** What that is made of. */
  readonly parts_mb_per_instance: Readonly<Record<string, number>>;
  readonly app_mb_per_instance: number;
  /** Processor time of the platform's processes with nothing to do, in seconds. */
  readonly rest_cpu_s_per_minute: number;
  readonly parts_rest_cpu_s_per_minute: Readonly<Record<string, number>>;
  readonly removed_s: number;
}

/** Somebody who has started one instance already, and can tell his processes from those of apps. */
export interface CrowdHost {
  startAll(): Promise<void>;
  removeAll(): Promise<void>;
  /** By what they are for; those of apps are named `app`. */
  sort(processes: readonly FoundProcess[]): Readonly<Record<string, readonly FoundProcess[]>>;
}

/** Timers of the starts have fired by then, and what starting took is given back. */
const SETTLE_MS = 20_000;
const REST_MS = 60_000;

export async function measureCrowd(host: CrowdHost, instances: number, stopped: AbortSignal): Promise<Crowd> {
  const settled = async (): Promise<{ readonly parts: Parts; readonly memory: Record<string, number> }> => {
    await delay(SETTLE_MS, undefined, { signal: stopped });
    const parts = host.sort(await allProcesses());
    return { parts, memory: await each(parts, (_, found) => megabytes(found)) };
  };
  const perInstance = (now = 0, earlier = 0): number => (now - earlier) / instances;
  const before = await settled();
  const healthy = await timed(() => host.startAll());
  const after = await settled();
  const { app: _, ...platform } = after.parts;
  const memory = await each(platform, (name) => perInstance(after.memory[name], before.memory[name]));
  const resting = await restingCpu(platform, stopped);
  const removed = await timed(() => host.removeAll());
  return {
    healthy_s: healthy,
    platform_mb_per_instance: total(memory),
    parts_mb_per_instance: memory,
    app_mb_per_instance: rounded(perInstance(after.memory.app, 0)),
    rest_cpu_s_per_minute: total(resting),
    parts_rest_cpu_s_per_minute: resting,
    removed_s: removed,
  };
}

type Parts = Readonly<Record<string, readonly FoundProcess[]>>;

async function restingCpu(parts: Parts, stopped: AbortSignal): Promise<Record<string, number>> {
  const now = (): Promise<Record<string, number>> => each(parts, (_, found) => cpuSeconds(found.map(({ pid }) => pid)));
  const before = await now();
  await delay(REST_MS, undefined, { signal: stopped });
  const after = await now();
  return await each(parts, (name) => (after[name] ?? 0) - (before[name] ?? 0));
}

async function each(
  parts: Parts,
  value: (name: string, found: readonly FoundProcess[]) => number | Promise<number>,
): Promise<Record<string, number>> {
  const values: Record<string, number> = {};
  for (const [name, found] of Object.entries(parts)) values[name] = rounded(await value(name, found));
  return values;
}

function total(values: Readonly<Record<string, number>>): number {
  return rounded(Object.values(values).reduce((sum, value) => sum + value, 0));
}

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return rounded((performance.now() - began) / 1_000, 2);
}

/** Runs `work` for each index, so many at once. */
export async function atOnce(count: number, width: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const turn = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, turn));
}
