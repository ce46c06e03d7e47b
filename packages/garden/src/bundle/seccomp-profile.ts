import { ALLOWED_SYSCALLS } from './seccomp-syscalls.ts';

/** `linux.seccomp` of the OCI runtime spec. */
export interface SeccompProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly SeccompRule[];
}

interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly {
    readonly index: number;
    readonly value: number;
    readonly valueTwo?: number;
    readonly op: string;
  }[];
}

const EPERM = 1;
const ENOSYS = 38;

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const NAMESPACE_FLAGS = 0x7e02_0000;

/**
 * Kinds of sockets, by AppArmor's names and the kernel's numbers: not vsock, which reaches a hypervisor, nor the kernel's
 * rarer protocols.
 */
export const SOCKET_FAMILIES: Readonly<Record<string, number>> = { unix: 1, inet: 2, inet6: 10, netlink: 16 };

/** What Docker allows: the usual execution domains, and asking for the current one. */
const PERSONALITIES = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

const architectures: Readonly<Record<string, readonly string[]>> = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
};

function allowWhen(name: string, index: number, values: readonly number[]): SeccompRule[] {
  return values.map((value) => ({
    names: [name],
    action: 'SCMP_ACT_ALLOW',
    args: [{ index, value, op: 'SCMP_CMP_EQ' }],
  }));
}

/**
 * socketcall, through which 32-bit programs of glibc make all calls on sockets, has the family in memory, where a filter
 * cannot look, so that AF_ALG and AF_VSOCK could be had by it. Where AppArmor holds the families it is allowed; elsewhere
 * it is not, which costs these programs the network. Those of musl make the call `socket`, filtered as with 64 bits.
 * It has to come after the rules for `socket`: libseccomp adds one to allow socketcall for each of them.
 */
function socketcall(familiesHeld: boolean): SeccompRule {
  const names = ['socketcall'];
  return familiesHeld ? { names, action: 'SCMP_ACT_ALLOW' } : { names, action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS };
}

/**
 * The filter of every container: default-deny. `arch` is Node's name of the machine's; `familiesHeld` says whether
 * something else keeps containers to `SOCKET_FAMILIES`. x32 is not among the architectures: its calls kill the process.
 */
export function seccompProfile(arch: string, { familiesHeld }: { readonly familiesHeld: boolean }): SeccompProfile {
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    architectures: architectures[arch] ?? [],
    syscalls: [
      { names: ALLOWED_SYSCALLS, action: 'SCMP_ACT_ALLOW' },
      {
        names: ['clone'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 0, value: NAMESPACE_FLAGS, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
      },
      // Its flags are in memory, where a filter cannot look: libc then falls back to clone.
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
      ...allowWhen('socket', 0, Object.values(SOCKET_FAMILIES)),
      socketcall(familiesHeld),
      ...allowWhen('personality', 0, PERSONALITIES),
    ],
  };
}
