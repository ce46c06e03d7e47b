import type { CgroupHierarchies } from '../cgroup/hierarchy.ts';
import type { ContainerDisks } from '../disk/container-disks.ts';
import type { GardenError } from '../errors.ts';
import type { CellNetwork } from '../network/cell-network.ts';
import type { CellPaths } from './cell-paths.ts';
import type { CommandRunner } from './command.ts';
import type { StepListener } from './container-steps.ts';
import type { Deadlines } from './deadlines.ts';
import type { ExitWatcher } from './exit-watcher.ts';
import type { Programs } from './programs.ts';
import type { Slots } from './slots.ts';
import type { BundleSettings } from './write-bundle.ts';

/** What the containers of a cell share. */
export interface CellContext {
  readonly paths: CellPaths;
  readonly layersDir: string;
  readonly network: CellNetwork;
  readonly disks: ContainerDisks;
  readonly cgroups: CgroupHierarchies;
  /** The cgroup whose children the containers are. */
  readonly cgroupParent: string;
  readonly slots: Slots;
  readonly programs: Programs;
  readonly deadlines: Deadlines;
  readonly bundle: BundleSettings;
  readonly exits: ExitWatcher;
  readonly bootId: string;
  readonly run: CommandRunner;
  readonly onStep: StepListener;
  /** Told of what failed where nobody waits for it, or where the work went on all the same. */
  readonly onProblem: (error: GardenError) => void;
}
