/**
 * What holds a container's writable layer at its limit: a project quota of the file system that the cell's data are on,
 * or a file system of its own in a file there, or nothing.
 */
export const DISK_LIMIT_KINDS = ['project-quota', 'file-system', 'none'] as const;
export type DiskLimitKind = (typeof DISK_LIMIT_KINDS)[number];

/** Where a container's own files are. */
export interface DiskPlace {
  /** Holds the writable layer and whatever else the container may write to. */
  readonly writableDir: string;
  /** The file of its file system, where it has one of its own. */
  readonly image: string;
}

/** What a container is to have. */
export interface DiskOrder extends DiskPlace {
  readonly handle: string;
  readonly limitBytes: number;
  /** Its number among the projects of the machine, from 1. */
  readonly project: number;
}

/** How containers of a cell get their disks; chosen once, when the cell is opened. */
export interface ContainerDisks {
  readonly kind: DiskLimitKind;
  /** Why it is this kind, for people. */
  readonly reason: string;
  /** Makes `writableDir`, which is there and empty, hold no more than the limit. */
  make(order: DiskOrder): Promise<void>;
}
