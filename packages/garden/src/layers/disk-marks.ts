import type { DiskSpace } from '../sys/disk-space.ts';

/** When layers are collected, as settings. */
export interface Watermarks {
  /** Percent of the file system in use above which collection begins. */
  readonly highPercent: number;
  /** Percent of the file system in use at which it ends. */
  readonly lowPercent: number;
  /** However large the file system is: no more than this is kept free. Bytes. */
  readonly mostFreeBytes: number;
}

const GIBIBYTE = 1024 ** 3;

/**
 * The kubelet's percentages (`imageGCHighThresholdPercent`, `-LowThresholdPercent` are 85 and 80) are made for a disk of
 * its own. On a large disk that others share they would throw away all layers for the sake of space that nobody asks for.
 */
export const DEFAULT_WATERMARKS: Watermarks = { highPercent: 90, lowPercent: 80, mostFreeBytes: 20 * GIBIBYTE };

/** Free bytes at which something happens. `floor` < `begin` < `until` <= capacity, whatever the settings are. */
export interface DiskMarks {
  /** What no download may use up. */
  readonly floorBytes: number;
  /** Collection begins below this. */
  readonly beginBytes: number;
  /** Collection goes on until this is free, or nothing is left to remove. */
  readonly untilBytes: number;
}

/** Room for records, logs and whatever else shares the disk while a download is told to stop. */
const MOST_FLOOR_BYTES = 256 * 1024 ** 2;
const FLOOR_SHARE = 0.02;
/** `begin` stays so much above the floor, and `until` above `begin`: a collection that frees nothing would never end. */
const LEAST_STEP = 0.01;

/**
 * The marks for a file system. They are shares of what it has now, so that none can lie beyond it: a store that is never
 * "full" by its settings, while its disk is, cannot be set up.
 */
export function diskMarks({ capacityBytes }: DiskSpace, watermarks: Watermarks): DiskMarks {
  const low = clamp(watermarks.lowPercent / 100, 2 * LEAST_STEP, 1 - FLOOR_SHARE - 2 * LEAST_STEP);
  const high = clamp(watermarks.highPercent / 100, low + LEAST_STEP, 1 - FLOOR_SHARE - LEAST_STEP);
  // Both shrink alike when the disk is large.
  const scale = Math.min(1, Math.max(0, watermarks.mostFreeBytes) / Math.max(1, capacityBytes * (1 - low)));
  const floorBytes = Math.min(MOST_FLOOR_BYTES, Math.floor(capacityBytes * FLOOR_SHARE));
  const step = Math.ceil(floorBytes / 2) + 1;
  const beginBytes = Math.max(Math.round(capacityBytes * (1 - high) * scale), floorBytes + step);
  const untilBytes = Math.max(Math.round(capacityBytes * (1 - low) * scale), beginBytes + step);
  return { floorBytes, beginBytes, untilBytes };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, Number.isFinite(value) ? value : most));
}
