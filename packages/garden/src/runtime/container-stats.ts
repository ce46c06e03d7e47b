import type { CgroupFigures } from '../cgroup/figures.ts';

/** What a container uses. */
export interface ContainerStats extends CgroupFigures {
  /** Of the writable layer, as last measured: at most a minute ago unless it has very many files. */
  readonly diskBytes: number;
}
