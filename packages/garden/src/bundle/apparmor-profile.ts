import { ROOT_CAPABILITIES } from './capabilities.ts';
import { SOCKET_FAMILIES } from './seccomp-profile.ts';

/** What containers are held to by AppArmor; all cells of a machine load the same. */
export const APPARMOR_PROFILE = 'slipway-container';

/** Who may signal containers from outside: unconfined, or as Ubuntu labels the runtime. */
const OUTSIDE = ['unconfined', 'runc'];

/**
 * A profile for apparmor_parser(8), which needs nothing of /etc/apparmor.d: a second wall behind user namespace, seccomp
 * and the mounts over /proc and /sys, should one of these give way. Files are any but the kernel's.
 */
export function appArmorProfile(): string {
  const rules = [
    // As in the filter of system calls, which cannot see those that are made by socketcall.
    ...Object.keys(SOCKET_FAMILIES).map((family) => `network ${family}`),
    ...ROOT_CAPABILITIES.map((name) => `capability ${name.replace('CAP_', '').toLowerCase()}`),
    'file',
    ...OUTSIDE.map((label) => `signal (receive) peer=${label}`),
    // Inside all may signal and trace one another; nobody traces who is outside.
    `signal (send, receive) peer=${APPARMOR_PROFILE}`,
    `ptrace (trace, read, tracedby, readby) peer=${APPARMOR_PROFILE}`,
    'deny mount',
    'deny umount',
    'deny pivot_root',
    'deny /proc/{acpi,asound,bus,driver,fs,irq,scsi,sys,tty}/** wl',
    'deny /proc/{kcore,kmsg,sysrq-trigger,kpagecount,kpageflags,kpagecgroup} rwl',
    'deny /proc/{mtrr,timer_list,keys} wl',
    'deny /sys/** wl',
    'deny /sys/{firmware,kernel/debug,kernel/security,kernel/tracing}/** rwl',
  ];
  const body = rules.map((rule) => `  ${rule},\n`).join('');
  return `profile ${APPARMOR_PROFILE} flags=(attach_disconnected,mediate_deleted) {\n${body}}\n`;
}
