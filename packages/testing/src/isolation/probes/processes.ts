import type { Probe, ProbeFamily } from '../probe.ts';
import { call, struct } from '../system-calls.ts';

const PTRACE_SEIZE = 0x4206;
const RLIMIT_NOFILE = 7;
/** One range of memory, at an address that is nowhere. */
const range = struct(8n, 8n);

/** `hostPid` is a process of the host, by the number that it has there. */
export function processes(hostPid: number): ProbeFamily {
  return {
    title: 'Other processes, and more for itself',
    probes: [
      { name: 'signal a process of the host (the null signal)', calls: [call('kill', hostPid, 0)], slipway: 'ESRCH' },
      { name: 'a descriptor of a process of the host', calls: [call('pidfd_open', hostPid, 0)], slipway: 'ESRCH' },
      {
        name: 'a descriptor that a process of the host has open',
        calls: [call('pidfd_open', hostPid, 0), call('pidfd_getfd', { answerOf: 0 }, 0, 0)],
        slipway: 'EBADF',
      },
      {
        name: 'trace a process of the host',
        calls: [call('ptrace', PTRACE_SEIZE, hostPid, 0, 0)],
        slipway: 'ESRCH',
      },
      {
        name: "read the memory of one of the host's processes",
        calls: [call('process_vm_readv', hostPid, range, 1, range, 1, 0)],
        slipway: 'ESRCH',
      },
      { name: 'real-time scheduling', calls: [call('sched_setscheduler', 0, 1, struct(1))], slipway: 'EPERM' },
      { name: 'a higher priority (nice -20)', calls: [call('setpriority', 0, 0, -20)], slipway: 'EACCES' },
      { name: 'real-time priority with the disk', calls: [call('ioprio_set', 1, 0, 0x2000)], slipway: 'EPERM' },
      {
        name: 'more open files than its limit',
        calls: [call('prlimit64', 0, RLIMIT_NOFILE, struct(1n << 21n, 1n << 21n), 0)],
        slipway: 'EPERM',
      },
      { name: 'a core dump', script: 'test "$(ulimit -H -c)" != 0', slipway: 'refused' },
      {
        name: 'become root again through a setuid program',
        calls: [call('setresuid', 1000, 1000, 1000), call('execve', { bytes: '/probe/setuid' }, 0, 0)],
        slipway: 'EPERM',
      },
    ],
  };
}

/** What container root of Slipway may do; docs/security.md has the reasons. */
const KEPT: Readonly<Record<string, number>> = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  FOWNER: 3,
  FSETID: 4,
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  SETPCAP: 8,
  NET_BIND_SERVICE: 10,
  SYS_CHROOT: 18,
  SETFCAP: 31,
};

/** What Docker gives besides. */
const DOCKERS: Readonly<Record<string, number>> = { NET_RAW: 13, MKNOD: 27, AUDIT_WRITE: 29 };

const bounding = '0x$(sed -n "s/^CapBnd:\\t//p" /proc/self/status)';
const held =
  (slipway: string) =>
  ([name, bit]: readonly [string, number]): Probe => ({
    name: `CAP_${name}`,
    script: `test $((${bounding} >> ${bit} & 1)) = 1`,
    slipway,
  });
const known = [...Object.values(KEPT), ...Object.values(DOCKERS)].reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);

export const capabilities: ProbeFamily = {
  title: 'Capabilities of root',
  probes: [
    ...Object.entries(KEPT).map(held('ok')),
    ...Object.entries(DOCKERS).map(held('refused')),
    { name: 'any other', script: `test $((${bounding} & ~${known})) != 0`, slipway: 'refused' },
  ],
};
