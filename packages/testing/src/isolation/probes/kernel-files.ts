import type { Probe, ProbeFamily } from '../probe.ts';

/** Opened for writing and closed again: nothing is written. */
const opens = (path: string): string => `: >> ${path}`;

function writing(...paths: readonly string[]): Probe[] {
  return paths.map((path): Probe => ({ name: `open ${path} for writing`, script: opens(path), slipway: 'refused' }));
}

function reading(...paths: readonly string[]): Probe[] {
  return paths.map(
    (path): Probe => ({ name: `read ${path}`, script: `head -c 1 ${path} | grep -q .`, slipway: 'refused' }),
  );
}

export const hostFiles: ProbeFamily = {
  title: "The host's files and processes",
  probes: [
    { name: 'a file by its path on the host', script: 'grep -q . $OUTSIDE/secret', slipway: 'refused' },
    {
      name: 'a file by climbing from the root, the working directory and every open descriptor',
      script:
        'for d in / . /proc/self/cwd /proc/self/root /proc/self/fd/*; do cat $d/../../../../../../../..$OUTSIDE/secret; done 2>/dev/null | grep -q .',
      slipway: 'refused',
    },
    {
      name: 'a file through the root or the directory of any process',
      script: 'cat /proc/[0-9]*/root$OUTSIDE/secret /proc/[0-9]*/cwd$OUTSIDE/secret 2>/dev/null | grep -q .',
      slipway: 'refused',
    },
    {
      name: 'a descriptor that the runtime left open',
      script:
        'for f in /proc/1/fd/* /proc/self/fd/*; do readlink $f; done | grep -v -e ^pipe: -e ^/dev/ -e ^/proc/ -e ^/.slipway -e /stdout$ -e /stderr$ -e ^/probe/ | grep -q .',
      slipway: 'refused',
    },
    { name: 'a process of the host in /proc', script: 'test -e /proc/$HOST_PID/status', slipway: 'refused' },
    {
      name: 'the secrets of any process, in environments and arguments',
      script: 'grep -qs "$SECRET_A$SECRET_B" /proc/[0-9]*/environ /proc/[0-9]*/cmdline',
      slipway: 'refused',
    },
    {
      name: 'the secrets of the host, in all files of the container',
      script: 'grep -rqs "$SECRET_A$SECRET_B" /bin /dev/shm /etc /home /probe /run /tmp /.slipway',
      slipway: 'refused',
    },
    {
      name: "a file of the init's file system through /.slipway",
      script: opens('/.slipway/init'),
      slipway: 'refused',
    },
    {
      name: 'the file that a running process was started from, for writing (CVE-2019-5736)',
      script:
        'for e in /proc/[0-9]*/exe; do case $(readlink $e) in */busybox|/probe/*) ;; *) (: >> $e) && exit 0;; esac; done; false',
      slipway: 'refused',
    },
  ],
};

export const kernelFiles: ProbeFamily = {
  title: '/proc and /sys',
  probes: [
    ...reading(
      '/proc/kcore',
      '/proc/keys',
      '/proc/key-users',
      '/proc/timer_list',
      '/proc/sched_debug',
      '/proc/interrupts',
      '/proc/kmsg',
      '/proc/config.gz',
      '/proc/iomem',
      '/proc/vmallocinfo',
      '/proc/pagetypeinfo',
      '/sys/kernel/notes',
      '/sys/kernel/debug/sleep_time',
      '/sys/kernel/vmcoreinfo',
    ),
    {
      name: 'addresses in /proc/kallsyms',
      script: 'grep -qv ^0000000000000000 /proc/kallsyms',
      slipway: 'refused',
    },
    { name: 'the tables of the firmware', script: 'ls /sys/firmware/* | grep -q .', slipway: 'refused' },
    {
      name: 'the energy of the processor',
      script: 'ls /sys/devices/virtual/powercap/* | grep -q .',
      slipway: 'refused',
    },
    ...writing(
      '/proc/sys/kernel/core_pattern',
      '/proc/sys/kernel/modprobe',
      '/proc/sys/kernel/hostname',
      '/proc/sys/kernel/panic',
      '/proc/sys/kernel/yama/ptrace_scope',
      '/proc/sys/vm/drop_caches',
      '/proc/sys/vm/overcommit_memory',
      '/proc/sys/fs/binfmt_misc/register',
      '/proc/sys/fs/file-max',
      '/proc/sys/net/ipv4/ip_forward',
      '/proc/sys/net/ipv4/ping_group_range',
      '/proc/sysrq-trigger',
      '/proc/irq/default_smp_affinity',
      '/proc/bus/pci/devices',
      '/proc/fs/ext4',
      '/proc/mtrr',
      '/proc/scsi/scsi',
      '/proc/acpi/wakeup',
      '/sys/kernel/uevent_helper',
      '/sys/kernel/mm/transparent_hugepage/enabled',
      '/sys/kernel/profiling',
      '/sys/power/state',
      '/sys/module/kernel/parameters/panic',
      '/sys/devices/system/cpu/cpu0/online',
      '/sys/class/net/lo/mtu',
    ),
    {
      name: 'a lower score with the out-of-memory killer',
      script: 'echo -900 > /proc/self/oom_score_adj',
      slipway: 'refused',
    },
    { name: 'a wider uid map', script: 'echo 0 0 4294967295 > /proc/self/uid_map', slipway: 'refused' },
  ],
};

/** Appends to files that are there: in the directory above the hierarchies one could be made. */
const appends = (text: string, files: string): string =>
  `for f in ${files}; do test -e $f && (${text} >> $f) && exit 0; done; false`;

export const cgroups: ProbeFamily = {
  title: 'Cgroups',
  probes: [
    {
      name: 'raise the memory limit',
      script: appends('echo 9999999999', '/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max'),
      slipway: 'refused',
    },
    {
      name: 'open cgroup.procs for writing, to leave its cgroup',
      script: appends(':', '/sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs'),
      slipway: 'refused',
    },
    {
      name: 'make a cgroup',
      script:
        'for d in /sys/fs/cgroup /sys/fs/cgroup/*/; do mkdir $d/probe && test -e $d/probe/cgroup.procs && rmdir $d/probe && exit 0; done; false',
      slipway: 'refused',
    },
    {
      name: 'write to the directory of the hierarchies',
      script: ': > /sys/fs/cgroup/probe',
      slipway: 'refused',
    },
    {
      name: 'open release_agent for writing, wherever it is (CVE-2022-0492)',
      script: appends(':', '$(find /sys/fs/cgroup -name release_agent)'),
      slipway: 'refused',
    },
    {
      name: 'open devices.allow for writing',
      script: appends(':', '$(find /sys/fs/cgroup -name devices.allow)'),
      slipway: 'refused',
    },
    {
      name: 'mount a cgroup hierarchy',
      script: 'mkdir -p /tmp/cg && mount -t cgroup -o memory cgroup /tmp/cg || mount -t cgroup2 cgroup /tmp/cg',
      slipway: 'refused',
    },
    {
      name: 'learn the name of its own cgroup on the host',
      script: 'grep -qv ":/$" /proc/self/cgroup',
      slipway: 'refused',
    },
  ],
};

const device = (name: string, type: string, major: number, minor: number): Probe => ({
  name: `make and open ${name}`,
  script: `rm -f /tmp/node; busybox mknod /tmp/node ${type} ${major} ${minor} && : < /tmp/node`,
  slipway: 'refused',
});

export const devices: ProbeFamily = {
  title: 'Devices',
  probes: [
    ...[
      'mem',
      'kmem',
      'port',
      'kmsg',
      'console',
      'fuse',
      'kvm',
      'net/tun',
      'loop-control',
      'sda',
      'vda',
      'vsock',
      'userfaultfd',
      'snapshot',
      'uinput',
    ].map((name): Probe => ({ name: `open /dev/${name}`, script: `: < /dev/${name}`, slipway: 'refused' })),
    device('memory (1:1)', 'c', 1, 1),
    device('the kernel log (1:11)', 'c', 1, 11),
    device('FUSE (10:229)', 'c', 10, 229),
    device('KVM (10:232)', 'c', 10, 232),
    device('a tunnel (10:200)', 'c', 10, 200),
    device('a SCSI disk (8:0)', 'b', 8, 0),
    device('a virtual disk (254:0)', 'b', 254, 0),
    device('a loop device (7:0)', 'b', 7, 0),
    device('even the null device (1:3)', 'c', 1, 3),
    { name: 'push a character into a terminal (TIOCSTI)', script: ': < /dev/tty', slipway: 'refused' },
    { name: 'the terminals of the host', script: 'ls /dev/pts | grep -v ptmx | grep -q .', slipway: 'refused' },
  ],
};
