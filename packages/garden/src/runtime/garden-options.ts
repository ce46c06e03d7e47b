import type { DiskLimitWish } from '../disk/choose-disks.ts';
import type { GardenError } from '../errors.ts';
import type { LayerStoreOptions } from '../layers/layer.ts';
import type { StepListener } from './container-steps.ts';
import type { Deadlines } from './deadlines.ts';
import type { Programs } from './programs.ts';

export interface GardenOptions {
  /** Name of the cell; several cells of one machine need different ones. */
  readonly cell: string;
  /**
   * Where layers, writable layers and records are kept. On a file system with trusted.* xattrs that can be idmapped
   * and be an overlay's upper layer: ext4, xfs, btrfs.
   */
  readonly dataDir: string;
  /** Where what is mounted and running is; gone after a reboot. Others must be able to pass through. Default /run/slipway/CELL. */
  readonly runDir?: string;
  /** Addresses of the containers; no other cell of the machine may have any of them. */
  readonly subnet: string;
  /**
   * First host id of the containers, 65,792 for each address of the subnet. Default 0x70000000, which is above what
   * systemd and /etc/subuid use and leaves room for 4,080 containers below 2^31.
   */
  readonly idBase?: number;
  /** Instead of those of the host's /etc/resolv.conf. */
  readonly nameServers?: readonly string[];
  /** Containers ask the cell's own address, port 53, which the caller has to answer at. */
  readonly namesOwnServer?: boolean;
  /** CIDRs outside of the machine that may open connections to containers. Default: none. */
  readonly reachableFrom?: readonly string[];
  readonly layers?: Omit<LayerStoreOptions, 'dir' | 'onProblem'>;
  /** What holds writable layers at their limits. Default `auto`: the best that the machine has. */
  readonly diskLimits?: DiskLimitWish;
  readonly programs?: Partial<Programs>;
  readonly deadlines?: Partial<Deadlines>;
  /** For metrics: each step of a create, start or delete, as it begins. */
  readonly onStep?: StepListener;
  /** For logs: what went wrong where no caller waits. */
  readonly onProblem?: (error: GardenError) => void;
}

export const DEFAULT_ID_BASE = 0x7000_0000;
