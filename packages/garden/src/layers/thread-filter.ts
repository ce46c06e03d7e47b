import { must } from '../sys/libc.ts';
import { TarError } from '../tar/tar-error.ts';

const PR_SET_SECCOMP = 22;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_MODE_FILTER = 2;

/** Instructions of classic BPF (linux/filter.h), as far as needed, and what a filter answers (linux/seccomp.h). */
const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER_EQUAL = 0x35;
const RETURN = 0x06;
const ALLOW = 0x7fff_0000;
const ERRNO_EPERM = 0x0005_0001;

/** Where `struct seccomp_data` has what. Arguments are 64 bits, low half first on these machines. */
const AT_NUMBER = 0;
const AT_ARCHITECTURE = 4;
const atArgument = (index: number): number => 16 + 8 * index;

/** Calls with x86-64 numbers of this and above are the x32 ABI's. */
const X32 = 0x4000_0000;

interface Machine {
  /** AUDIT_ARCH_* */
  readonly architecture: number;
  /** Numbers of the calls that no unpacker makes. */
  readonly denied: Readonly<Record<string, number>>;
  /** Calls that make devices, with the place of the device number among their arguments. */
  readonly makeNode: readonly (readonly [number: number, deviceArgument: number])[];
}

/** The same on both, as all calls since Linux 5.1 are. */
const NEWER = {
  pidfd_send_signal: 424,
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  pidfd_open: 434,
  pidfd_getfd: 438,
  mount_setattr: 442,
  quotactl_fd: 443,
};

// biome-ignore format: a table of numbers
const MACHINES: Readonly<Record<string, Machine>> = {
  x64: {
    architecture: 0xc000_003e,
    denied: {
      socket: 41, connect: 42, accept: 43, sendto: 44, recvfrom: 45, sendmsg: 46, recvmsg: 47, bind: 49, listen: 50,
      socketpair: 53, accept4: 288, recvmmsg: 299, sendmmsg: 307,
      execve: 59, execveat: 322, ptrace: 101, process_vm_readv: 310, process_vm_writev: 311, kill: 62, kcmp: 312,
      chroot: 161, pivot_root: 155, mount: 165, umount2: 166, setns: 308, unshare: 272, name_to_handle_at: 303,
      open_by_handle_at: 304, fanotify_init: 300, quotactl: 179, swapon: 167, swapoff: 168, acct: 163,
      setuid: 105, setgid: 106, setreuid: 113, setregid: 114, setgroups: 116, setresuid: 117, setresgid: 119,
      setfsuid: 122, setfsgid: 123, capset: 126, personality: 135,
      bpf: 321, perf_event_open: 298, userfaultfd: 323, add_key: 248, request_key: 249, keyctl: 250,
      init_module: 175, finit_module: 313, delete_module: 176, kexec_load: 246, kexec_file_load: 320, reboot: 169,
      sethostname: 170, setdomainname: 171, settimeofday: 164, clock_settime: 227, adjtimex: 159, clock_adjtime: 305,
      syslog: 103, iopl: 172, ioperm: 173, ...NEWER,
    },
    makeNode: [[133, 2], [259, 3]],
  },
  arm64: {
    architecture: 0xc000_00b7,
    denied: {
      socket: 198, socketpair: 199, bind: 200, listen: 201, accept: 202, connect: 203, sendto: 206, recvfrom: 207,
      sendmsg: 211, recvmsg: 212, accept4: 242, recvmmsg: 243, sendmmsg: 269,
      execve: 221, execveat: 281, ptrace: 117, process_vm_readv: 270, process_vm_writev: 271, kill: 129, kcmp: 272,
      chroot: 51, pivot_root: 41, mount: 40, umount2: 39, setns: 268, unshare: 97, name_to_handle_at: 264,
      open_by_handle_at: 265, fanotify_init: 262, quotactl: 60, swapon: 224, swapoff: 225, acct: 89,
      setregid: 143, setgid: 144, setreuid: 145, setuid: 146, setresuid: 147, setresgid: 149, setfsuid: 151,
      setfsgid: 152, setgroups: 159, capset: 91, personality: 92,
      bpf: 280, perf_event_open: 241, userfaultfd: 282, add_key: 217, request_key: 218, keyctl: 219,
      init_module: 105, finit_module: 273, delete_module: 106, kexec_load: 104, kexec_file_load: 294, reboot: 142,
      sethostname: 161, setdomainname: 162, settimeofday: 170, clock_settime: 112, adjtimex: 171, clock_adjtime: 266,
      syslog: 116, ...NEWER,
    },
    makeNode: [[33, 3]],
  },
};

function machineOf(arch: string): Machine {
  const machine = MACHINES[arch];
  if (machine !== undefined) return machine;
  throw new TarError('LAYER_STORE_FAILED', `The unpacker has no filter of system calls for ${arch}`);
}

/**
 * The filter of an unpacker's system calls on a machine (`arch` in Node's words): sockets, programs, other processes,
 * mounts, namespaces, other ids, and the kernel's own affairs are refused with EPERM, and so is any device but 0/0, which
 * overlayfs takes for a whiteout. A list of what is refused and not of what is allowed: the thread is Node's, whose
 * needs change with each version.
 */
function filterInstructions(arch: string): Buffer {
  const machine = machineOf(arch);
  const denied = Object.values(machine.denied).toSorted((a, b) => a - b);
  const nodes = machine.makeNode.flatMap(([number, argument]) => [
    // When it is another call: over the next four.
    instruction(JUMP_EQUAL, 0, 4, number),
    // The low half: a device number has 32 bits to the kernel.
    instruction(LOAD, 0, 0, atArgument(argument)),
    instruction(JUMP_EQUAL, 1, 0, 0),
    instruction(RETURN, 0, 0, ERRNO_EPERM),
    instruction(RETURN, 0, 0, ALLOW),
  ]);
  return Buffer.concat([
    instruction(LOAD, 0, 0, AT_ARCHITECTURE),
    instruction(JUMP_EQUAL, 1, 0, machine.architecture),
    instruction(RETURN, 0, 0, ERRNO_EPERM),
    instruction(LOAD, 0, 0, AT_NUMBER),
    instruction(JUMP_GREATER_EQUAL, 0, 1, X32),
    instruction(RETURN, 0, 0, ERRNO_EPERM),
    ...nodes,
    // To the last instruction when it is this one.
    ...denied.map((number, i) => instruction(JUMP_EQUAL, denied.length - i, 0, number)),
    instruction(RETURN, 0, 0, ALLOW),
    instruction(RETURN, 0, 0, ERRNO_EPERM),
  ]);
}

/** The calls that are refused, by name. */
export function deniedCalls(arch: string): Readonly<Record<string, number>> {
  return machineOf(arch).denied;
}

/** Filters the system calls of the calling thread, and of it alone, for good. */
export function filterThread(): void {
  const filter = filterInstructions(process.arch);
  must('prctl', 'no_new_privs', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  must('prctlFilter', 'seccomp', PR_SET_SECCOMP, SECCOMP_MODE_FILTER, { len: filter.length / 8, filter });
}

function instruction(code: number, whenTrue: number, whenFalse: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes[2] = whenTrue;
  bytes[3] = whenFalse;
  bytes.writeUInt32LE(value, 4);
  return bytes;
}
