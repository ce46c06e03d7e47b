import type { CallArgument, SystemCall } from './machine-code.ts';

/** Numbers of the calls that are probed, on x86-64 (arch/x86/entry/syscalls/syscall_64.tbl). */
const X64 = {
  write: 1,
  open: 2,
  close: 3,
  mmap: 9,
  ioctl: 16,
  socket: 41,
  connect: 42,
  bind: 49,
  clone: 56,
  execve: 59,
  kill: 62,
  ptrace: 101,
  setresuid: 117,
  mknod: 133,
  personality: 135,
  setpriority: 141,
  sched_setscheduler: 144,
  pivot_root: 155,
  adjtimex: 159,
  chroot: 161,
  acct: 163,
  settimeofday: 164,
  mount: 165,
  umount2: 166,
  swapon: 167,
  swapoff: 168,
  reboot: 169,
  sethostname: 170,
  setdomainname: 171,
  iopl: 172,
  ioperm: 173,
  init_module: 175,
  delete_module: 176,
  quotactl: 179,
  syslog: 103,
  lookup_dcookie: 212,
  io_setup: 206,
  clock_settime: 227,
  mbind: 237,
  kexec_load: 246,
  add_key: 248,
  request_key: 249,
  keyctl: 250,
  ioprio_set: 251,
  migrate_pages: 256,
  unshare: 272,
  move_pages: 279,
  perf_event_open: 298,
  fanotify_init: 300,
  prlimit64: 302,
  name_to_handle_at: 303,
  open_by_handle_at: 304,
  clock_adjtime: 305,
  setns: 308,
  process_vm_readv: 310,
  kcmp: 312,
  finit_module: 313,
  seccomp: 317,
  memfd_create: 319,
  kexec_file_load: 320,
  bpf: 321,
  userfaultfd: 323,
  statx: 332,
  io_uring_setup: 425,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fspick: 433,
  pidfd_open: 434,
  clone3: 435,
  openat2: 437,
  pidfd_getfd: 438,
  faccessat2: 439,
  mount_setattr: 442,
  landlock_create_ruleset: 444,
  futex_waitv: 449,
  statmount: 457,
  listmount: 458,
} as const;

/** Of the 32-bit interface, which has numbers of its own (syscall_32.tbl). */
const I386 = {
  mount: 21,
  socketcall: 102,
  init_module: 128,
  unshare: 310,
  perf_event_open: 336,
  bpf: 357,
  socket: 359,
  keyctl: 288,
} as const;

const X32_BIT = 0x4000_0000;

/** A call of a 64-bit program. */
export function call(name: keyof typeof X64, ...args: CallArgument[]): SystemCall {
  return { number: X64[name], args };
}

/** The same call through the 32-bit interface, as any 64-bit program may make it. */
export function call32(name: keyof typeof I386, ...args: CallArgument[]): SystemCall {
  return { number: I386[name], args, abi: 'i386' };
}

/** The same through the x32 interface. */
export function callX32(name: keyof typeof X64, ...args: CallArgument[]): SystemCall {
  return { number: X32_BIT + X64[name], args };
}

/** A call that makes a process, which ends at once. */
export function forking(made: SystemCall): SystemCall {
  return { ...made, childEnds: true };
}

/** Numbers in bytes: little-endian words of a struct, of 4 bytes each or of 8 where they are bigint. */
export function struct(...words: readonly (number | bigint)[]): { readonly bytes: Uint8Array } {
  const parts = words.map((value) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
    return buffer.subarray(0, typeof value === 'bigint' ? 8 : 4);
  });
  return { bytes: Buffer.concat(parts) };
}
