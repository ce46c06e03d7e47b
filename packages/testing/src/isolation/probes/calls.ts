import type { SystemCall } from '../machine-code.ts';
import type { Probe, ProbeFamily, ProbeOutcome } from '../probe.ts';
import { call, call32, callX32, forking, struct } from '../system-calls.ts';

const text = (bytes: string): { readonly bytes: string } => ({ bytes });
const probe = (name: string, calls: readonly SystemCall[], slipway: ProbeOutcome = 'EPERM'): Probe => ({
  name,
  calls,
  slipway,
});

const SIGCHLD = 17;
const AT_FDCWD = -100;
/** A pointer that leads nowhere: what fails with EFAULT for it had passed everything that could have refused it. */
const NOWHERE = 8;

const NAMESPACES: Readonly<Record<string, number>> = {
  time: 0x80,
  mount: 0x2_0000,
  cgroup: 0x200_0000,
  uts: 0x400_0000,
  ipc: 0x800_0000,
  user: 0x1000_0000,
  pid: 0x2000_0000,
  network: 0x4000_0000,
};
const CLONE_NEWUSER = 0x1000_0000;
/** Room for what a call writes. */
const room = (size: number): { readonly bytes: Uint8Array } => ({ bytes: new Uint8Array(size) });

export const namespaces: ProbeFamily = {
  title: 'Namespaces and mounts',
  probes: [
    ...Object.entries(NAMESPACES).map(([name, flag]) =>
      probe(`unshare: a new ${name} namespace`, [call('unshare', flag)]),
    ),
    probe('unshare: user and mount namespaces at once', [call('unshare', CLONE_NEWUSER + 0x2_0000)]),
    probe('clone: a new user namespace', [forking(call('clone', CLONE_NEWUSER + SIGCHLD, 0, 0, 0, 0))]),
    probe('clone: new mount, pid and network namespaces', [forking(call('clone', 0x6002_0000 + SIGCHLD, 0, 0, 0, 0))]),
    probe(
      'clone3: a new user namespace',
      [forking(call('clone3', struct(BigInt(CLONE_NEWUSER), 0n, 0n, 0n, BigInt(SIGCHLD), 0n, 0n, 0n, 0n, 0n, 0n), 88))],
      'ENOSYS',
    ),
    probe('setns: into a namespace that it has a descriptor of', [
      call('open', text('/proc/self/ns/net'), 0),
      call('setns', { answerOf: 0 }, 0),
    ]),
    probe('mount: a tmpfs', [call('mount', text('none'), text('/tmp'), text('tmpfs'), 0, 0)]),
    probe('mount: /proc anew', [call('mount', text('proc'), text('/tmp'), text('proc'), 0, 0)]),
    probe('mount: /sys anew', [call('mount', text('sysfs'), text('/tmp'), text('sysfs'), 0, 0)]),
    probe('mount: an overlay', [
      call('mount', text('o'), text('/tmp'), text('overlay'), 0, text('lowerdir=/bin:/etc')),
    ]),
    probe('mount: a directory once more (bind)', [call('mount', text('/etc'), text('/tmp'), 0, 0x1000, 0)]),
    probe('mount: /proc/sys writable (remount)', [call('mount', text('none'), text('/proc/sys'), 0, 0x1020, 0)]),
    probe('mount: all mounts shared', [call('mount', text('none'), text('/'), 0, 0x10_4000, 0)]),
    probe('umount: what masks /proc/kcore', [call('umount2', text('/proc/kcore'), 2)]),
    probe('pivot_root', [call('pivot_root', text('/tmp'), text('/tmp'))]),
    probe('fsopen: a file system', [call('fsopen', text('tmpfs'), 0)]),
    probe('fspick: a mounted file system', [call('fspick', AT_FDCWD, text('/'), 0)]),
    probe('open_tree: a clone of the root', [call('open_tree', AT_FDCWD, text('/'), 1)]),
    probe('move_mount', [call('move_mount', AT_FDCWD, text('/proc'), AT_FDCWD, text('/tmp'), 0)]),
    probe('mount_setattr: remove read-only', [
      call('mount_setattr', AT_FDCWD, text('/sys'), 0, struct(0n, 1n, 0n, 0n), 32),
    ]),
    probe('listmount', [call('listmount', struct(24, 0, -1n, 0n), room(64), 8, 0)], 'ENOSYS'),
    probe('a file by its handle, past the mount (open_by_handle_at)', [
      call('open', text('/etc/hosts'), 0),
      call('open_by_handle_at', { answerOf: 0 }, struct(8, 1, 2, 0), 0),
    ]),
    probe('quotactl', [call('quotactl', 0x80_0001 << 8, text('/dev/root'), 0, 0)]),
  ],
};

export const kernelCalls: ProbeFamily = {
  title: 'The kernel itself',
  probes: [
    probe('load a module (init_module)', [call('init_module', NOWHERE, 4, text(''))]),
    probe('load a module from a file (finit_module)', [
      call('open', text('/bin/busybox'), 0),
      call('finit_module', { answerOf: 0 }, text(''), 0),
    ]),
    probe('remove a module', [call('delete_module', text('no_such_module'), 0o4000)]),
    probe('another kernel (kexec_load)', [call('kexec_load', 0, 0, NOWHERE, 0)]),
    probe('another kernel from a file (kexec_file_load)', [call('kexec_file_load', -1, -1, 0, NOWHERE, 0)]),
    probe('BPF: make a map', [call('bpf', 0, struct(2, 4, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0), 48)]),
    probe('BPF: load a socket filter', [call('bpf', 5, struct(1, 2, 0n, 0n, 0, 0, 0n, 0, 0, 0n, 0n), 72)]),
    probe('performance counters of itself', [
      call('perf_event_open', struct(1, 64, 0n, 0n, 0n, 0n, 0n, 0n), 0, -1, -1, 0),
    ]),
    probe('userfaultfd', [call('userfaultfd', 0)]),
    probe('userfaultfd of user faults alone', [call('userfaultfd', 1)]),
    probe('io_uring', [call('io_uring_setup', 1, room(120))]),
    probe('a key in a keyring (add_key)', [call('add_key', text('user'), text('probe'), text('x'), 1, -2)]),
    probe('look for a key (request_key)', [call('request_key', text('user'), text('probe'), 0, 0)]),
    probe("the session's keyring (keyctl)", [call('keyctl', 0, -3, 0)]),
    probe("the kernel's log (syslog)", [call('syslog', 10, 0, 0)]),
    probe('restart the machine (with a wrong magic number)', [call('reboot', 1, 2, 3, 0)]),
    probe('swap on a file that is not there', [call('swapon', text('/no/such'), 0)]),
    probe('no swap on a file that is not there', [call('swapoff', text('/no/such'))]),
    probe('process accounting into a file that is not there', [call('acct', text('/no/such'))]),
    probe('set the clock', [call('clock_settime', 0, NOWHERE)]),
    probe('set the time of day', [call('settimeofday', NOWHERE, 0)]),
    // The length of a tick, as it is.
    probe('adjust the clock', [
      call('adjtimex', struct(0x4000n, ...new Array<bigint>(10).fill(0n), 10_000n, ...new Array<bigint>(14).fill(0n))),
    ]),
    probe('set the host name', [call('sethostname', NOWHERE, 1)]),
    probe('set the domain name', [call('setdomainname', NOWHERE, 1)]),
    probe('I/O ports (iopl)', [call('iopl', 3)]),
    probe('I/O ports (ioperm)', [call('ioperm', 0x80, 1, 1)]),
    probe('watch all files of a mount (fanotify)', [call('fanotify_init', 0, 0)]),
    probe("compare processes' kernel objects (kcmp)", [call('kcmp', 1, 1, 0, 0, 0)]),
    probe('memory of a NUMA node (mbind)', [call('mbind', 0, 0, 0, 0, 0, 0)]),
    probe('move pages of a process', [call('move_pages', 1, 0, 0, 0, 0, 0)]),
    probe('no randomized addresses (personality)', [call('personality', 0x4_0000)]),
  ],
};

const AF_VSOCK = 40;
const AF_ALG = 38;
const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCKETCALL_SOCKET = 1;

const family = (name: string, number: number, type = SOCK_RAW, protocol = 0): Probe =>
  probe(`a socket of ${name}`, [call('socket', number, type, protocol)]);

export const sockets: ProbeFamily = {
  title: 'Sockets',
  probes: [
    family('raw packets (AF_PACKET)', AF_PACKET, SOCK_RAW, 0x300),
    family('packets without headers (AF_PACKET)', AF_PACKET, SOCK_DGRAM, 0x300),
    family('raw IPv4', 2, SOCK_RAW, 255),
    family('raw ICMP', 2, SOCK_RAW, 1),
    family('raw IPv6', 10, SOCK_RAW, 255),
    family('the hypervisor (AF_VSOCK)', AF_VSOCK, 1),
    family("the kernel's cryptography (AF_ALG, CVE-2026-31431)", AF_ALG, 5),
    family('IPsec keys (AF_KEY)', 15, SOCK_RAW, 2),
    family('Bluetooth', 31, SOCK_RAW, 1),
    family('CAN', 29, SOCK_RAW, 1),
    family('TIPC', 30, 2),
    family('RDS', 21, 5),
    family('SMC', 43, 1),
    family('Qualcomm IPC', 42, 2),
    family('XDP', 44, SOCK_RAW),
    family('kernel connections (AF_KCM)', 41, 2),
    family('netlink for auditing', 16, SOCK_RAW, 9),
    family('netlink for device events', 16, SOCK_RAW, 15),
  ].map((each) =>
    // Families that all programs use: what these may do the kernel decides, by the container's own network namespace.
    each.name.startsWith('a socket of netlink') ? { ...each, slipway: 'ok' } : each,
  ),
};

export const otherInterfaces: ProbeFamily = {
  title: "The kernel's 32-bit interfaces",
  probes: [
    probe('32 bits: mount', [call32('mount', text('none'), text('/tmp'), text('tmpfs'), 0, 0)]),
    probe('32 bits: a new user namespace', [call32('unshare', CLONE_NEWUSER)]),
    probe('32 bits: load a module', [call32('init_module', NOWHERE, 4, text(''))]),
    probe('32 bits: BPF', [call32('bpf', 0, struct(2, 4, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0), 48)]),
    probe('32 bits: performance counters', [
      call32('perf_event_open', struct(1, 64, 0n, 0n, 0n, 0n, 0n, 0n), 0, -1, -1, 0),
    ]),
    probe("32 bits: the session's keyring", [call32('keyctl', 0, -3, 0)]),
    probe('32 bits: a socket of AF_VSOCK', [call32('socket', AF_VSOCK, 1, 0)]),
    probe('32 bits: a socket of AF_ALG', [call32('socket', AF_ALG, 5, 0)]),
    ...[['AF_VSOCK', struct(AF_VSOCK, 1, 0)] as const, ['AF_ALG', struct(AF_ALG, 5, 0)] as const].map(
      ([name, socket]): Probe => ({
        name: `32 bits: a socket of ${name} by socketcall`,
        calls: [call32('socketcall', SOCKETCALL_SOCKET, socket)],
        slipway: 'ENOSYS',
        withAppArmor: 'EACCES',
      }),
    ),
    probe('x32: a socket', [callX32('socket', 2, 1, 0)], 'killed'),
    probe('x32: a new user namespace', [callX32('unshare', CLONE_NEWUSER)], 'killed'),
  ],
};
