import { rounded } from '../cell/statistics.ts';

const SUM = /^slipway_cell_step_seconds_(sum|count)\{.*?step="(\w+)".*?\} (\S+)$/gm;

/** How long each step of a start took on the cell, in milliseconds: the means between two scrapes of its metrics. */
export function stepMeans(before: string, after: string): Readonly<Record<string, number>> {
  const [old, now] = [sums(before), sums(after)];
  const means: Record<string, number> = {};
  for (const [step, { sum, count }] of now) {
    const { sum: oldSum, count: oldCount } = old.get(step) ?? { sum: 0, count: 0 };
    if (count > oldCount) means[step] = rounded(((sum - oldSum) / (count - oldCount)) * 1_000, 1);
  }
  return means;
}

function sums(text: string): Map<string, { sum: number; count: number }> {
  const found = new Map<string, { sum: number; count: number }>();
  for (const [, kind, step, value] of text.matchAll(SUM)) {
    const entry = found.get(step as string) ?? { sum: 0, count: 0 };
    entry[kind as 'sum' | 'count'] = Number(value);
    found.set(step as string, entry);
  }
  return found;
}
