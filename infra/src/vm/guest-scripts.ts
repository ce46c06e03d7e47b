/** What a test machine runs, and where it finds things; all paths are the host's, which it sees read-only. */
export interface GuestOrder {
  /** The kernel's modules: `lib/modules` of the unpacked package. */
  readonly modulesDir: string;
  readonly repository: string;
  readonly node: string;
  /** Runs of vitest, one after the other. */
  readonly runs: readonly GuestRun[];
}

export interface GuestRun {
  /** Where the cell's data are: its file system decides what holds disks at their limits. */
  readonly disk: GuestDisk;
  readonly arguments: readonly string[];
}

/** `xfs` and `ext4-quota` are mounted with project quotas, `ext4` is not. */
export const GUEST_DISKS = ['xfs', 'ext4-quota', 'ext4'] as const;
export type GuestDisk = (typeof GUEST_DISKS)[number];

/** The line in which the machine says how a run ended. */
export const RESULT = /slipway-vm: run (\d+) ended with (\d+)/;

/** An emulated machine is some thirty times slower; a timeout only ends what hangs. */
const PATIENCE = '--testTimeout=1200000 --hookTimeout=1200000 --no-file-parallelism';

/** Init of the initramfs: the host's files, read-only, below a layer in memory, become the root. */
export function initScript(modules: readonly string[]): string {
  return `#!/bin/busybox sh
export PATH=/bin
/bin/busybox mkdir -p /bin /proc /sys /dev /host /memory /root
/bin/busybox --install /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in ${modules.join(' ')}; do insmod /modules/$module || echo "slipway-vm: no $module"; done
mount -t virtiofs host /host || poweroff -f
mount -t tmpfs -o size=75% memory /memory
mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work root /root || poweroff -f
mount --move /dev /root/dev
umount /proc /sys
mkdir -p /root/slipway-vm && cp /run.sh /root/slipway-vm/run.sh
exec switch_root /root /bin/sh /slipway-vm/run.sh
`;
}

/** PID 1 of the machine: sets it up as a Debian with cgroup v2 alone, runs the tests, and switches it off. */
export function runScript(order: GuestOrder): string {
  const runs = order.runs.map(({ disk, arguments: given }, index) => {
    const words = given.map(quote).join(' ');
    return `cd ${quote(order.repository)}
mkdir -p /disks/${disk}/tmp
echo "slipway-vm: run ${index} on ${disk}: vitest ${given.join(' ')}"
{ TMPDIR=/disks/${disk}/tmp ${quote(order.node)} node_modules/vitest/vitest.mjs run ${PATIENCE} ${words}; echo $? > /status; } 2>&1 | cat
echo "slipway-vm: run ${index} ended with $(cat /status)"`;
  });
  return `export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts -o ptmxmode=0666 devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mount -t cgroup2 none /sys/fs/cgroup
mount -t securityfs none /sys/kernel/security
mkdir -p /lib/modules /disks
mount --bind ${quote(order.modulesDir)} /lib/modules
for module in loop veth nf_tables nft_ct nft_masq nft_chain_nat nft_reject_inet nft_limit nft_log nft_fib_inet xfs quota_v2; do
  modprobe -q $module || echo "slipway-vm: no module $module"
done
echo 1 > /proc/sys/vm/overcommit_memory
ip link set lo up
hostname slipway-vm
# A network to nowhere: cells ask for the address of the default route.
ip link add uplink type dummy && ip addr add 192.0.2.2/24 dev uplink && ip link set uplink up && ip route add default via 192.0.2.1
for disk in ${GUEST_DISKS.join(' ')}; do mkdir /disks/$disk; done
mkfs.xfs -q /dev/vda && mount -o prjquota /dev/vda /disks/xfs
mkfs.ext4 -q -O quota,project -E quotatype=prjquota /dev/vdb && mount -o prjquota /dev/vdb /disks/ext4-quota
mkfs.ext4 -q /dev/vdc && mount /dev/vdc /disks/ext4
echo "slipway-vm: $(uname -r), cgroup v2 with $(cat /sys/fs/cgroup/cgroup.controllers)"
${runs.join('\n')}
echo "slipway-vm: done"
sync
echo o > /proc/sysrq-trigger
while :; do sleep 1; done
`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
