/** Kernel files that tell of the host or reach it: unreadable in every container. Docker's list and what came since. */
export const MASKED_PATHS: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/config.gz',
  '/proc/interrupts',
  '/proc/iomem',
  '/proc/ioports',
  '/proc/kcore',
  '/proc/key-users',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
  '/sys/kernel/notes',
  '/sys/kernel/vmcoreinfo',
];

/** Kernel files that no container may write. */
export const READONLY_PATHS: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
  // Its mounts are read-only; on v1 the directory that holds them is not.
  '/sys/fs/cgroup',
];
