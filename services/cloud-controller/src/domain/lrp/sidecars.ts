import type { LrpSidecar } from '@slipway/contracts';

/** What is set of a sidecar. */
export interface SidecarSettings {
  readonly name: string;
  readonly command: string;
  /** Its share of the process's memory; null: none of its own. */
  readonly memoryMb: number | null;
  /** Types of the processes that it runs beside; sorted. */
  readonly types: readonly string[];
}

type Shares = readonly Pick<SidecarSettings, 'memoryMb'>[];

/** What is left of a process's memory for the app itself. */
export function memoryBesideSidecars(processMemoryMb: number, sidecars: Shares): number {
  return processMemoryMb - sidecars.reduce((sum, { memoryMb }) => sum + (memoryMb ?? 0), 0);
}

/** The app must have some memory too (cloud_controller_ng `SidecarMemoryLessThanProcessMemoryPolicy`). */
export function leavesMemory(processMemoryMb: number, sidecars: Shares): boolean {
  return memoryBesideSidecars(processMemoryMb, sidecars) > 0;
}

/** In Cloud Foundry's words. */
export function tooMuchMemoryFor(processType: string): string {
  return `The memory allocation defined is too large to run with the dependent "${processType}" process`;
}

export interface LrpSidecarsInput {
  readonly process: { readonly type: string; readonly memoryMb: number };
  readonly sidecars: readonly Omit<SidecarSettings, 'types'>[];
  /** With the memory that it tells of. */
  readonly vcapApplication: (memoryMb: number) => Readonly<Record<string, unknown>>;
}

/**
 * Sidecars of a desired LRP. Their command always goes through the image's shell; of the app's variables only what tells
 * of memory differs (cloud_controller_ng `main_lrp_action_builder.rb`, `Diego::Environment#as_json_for_sidecar`). All
 * memory is the container's: a share is what a sidecar is told, not a limit of its own.
 */
export function lrpSidecars({ process, sidecars, vcapApplication }: LrpSidecarsInput): LrpSidecar[] {
  return sidecars.map(({ name, command, memoryMb }) => {
    const told = memoryMb ?? process.memoryMb;
    return {
      name,
      argv: ['/bin/sh', '-c', command],
      environment: { VCAP_APPLICATION: JSON.stringify(vcapApplication(told)), MEMORY_LIMIT: `${told}m` },
      sourceType: `APP/PROC/${process.type.toUpperCase()}/SIDECAR/${name.toUpperCase()}`,
    };
  });
}

/** Do both run the same beside the same? Memory does not count (cloud_controller_ng `SidecarMixin#to_hash`). */
export function sameSidecars(a: readonly SidecarSettings[], b: readonly SidecarSettings[]): boolean {
  const keys = (sidecars: readonly SidecarSettings[]): string =>
    sidecars
      .map(({ name, command, types }) => JSON.stringify([name, command, types.toSorted()]))
      .toSorted()
      .join();
  return keys(a) === keys(b);
}
