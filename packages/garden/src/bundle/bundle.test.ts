import { describe, expect, test } from 'vitest';
import { appArmorProfile } from './apparmor-profile.ts';
import { hostnameOf, hostsFile, resolvConf } from './etc-files.ts';
import { buildOciConfig, type OciConfigInput } from './oci-config.ts';
import { seccompProfile } from './seccomp-profile.ts';
import { ALLOWED_SYSCALLS } from './seccomp-syscalls.ts';

const input: OciConfigInput = {
  process: {
    args: ['server'],
    cwd: '/srv',
    env: ['A=b'],
    user: { uid: 0, gid: 0, additionalGids: [33], name: 'root' },
  },
  rootfs: '/run/x',
  hostname: 'h',
  range: { base: 1_900_000_000, size: 65_536 },
  limits: { memoryBytes: 64 << 20, cpuShares: 10, pids: 0, nofile: 16_384 },
  cgroupsPath: '/slipway/cell/c',
  swapAccounting: true,
  ipv6: true,
  arch: 'x64',
  appArmorProfile: undefined,
  initPath: '/usr/bin/tini-static',
  toolsPath: '/bin/busybox',
  binds: [{ source: '/x/hosts', destination: '/etc/hosts', readOnly: false }],
};

// biome-ignore lint/suspicious/noExplicitAny: JSON read loosely by a test
const build = (changes: Partial<OciConfigInput> = {}): any =>
  JSON.parse(JSON.stringify(buildOciConfig({ ...input, ...changes })));

test('the app is the child of the init, never PID 1', () => {
  expect(build().process.args).toEqual(['/.slipway/init', '--', 'server']);
});

test('root has the documented capabilities, others none at all', () => {
  const root = build().process.capabilities;
  expect(root.effective).toEqual(root.bounding);
  expect(root.bounding).toHaveLength(11);
  expect(root.ambient).toEqual([]);
  const other = build({
    process: { ...input.process, user: { uid: 101, gid: 0, additionalGids: [], name: undefined } },
  });
  expect(Object.values(other.process.capabilities).flat()).toEqual([]);
  expect(build().process.noNewPrivileges).toBe(true);
});

test('every namespace is its own', () => {
  expect(build().linux.namespaces).toHaveLength(7);
  expect(build().linux.namespaces.every((each: object) => !('path' in each))).toBe(true);
});

test('there is no swap on top of the memory, where swap is counted; no pids limit at 0', () => {
  expect(build().linux.resources).toMatchObject({ memory: { limit: 64 << 20, swap: 64 << 20 }, cpu: { shares: 10 } });
  expect(build().linux.resources.pids).toBeUndefined();
  expect(build({ swapAccounting: false }).linux.resources.memory).toEqual({ limit: 64 << 20 });
  expect(build({ limits: { ...input.limits, pids: 7 } }).linux.resources.pids).toEqual({ limit: 7 });
});

test('seccomp allows nothing that mounts, loads, traces the kernel or makes namespaces', () => {
  const profile = seccompProfile('x64', { familiesHeld: false });
  expect(profile.defaultAction).toBe('SCMP_ACT_ERRNO');
  for (const name of [
    'mount',
    'umount2',
    'unshare',
    'setns',
    'pivot_root',
    'bpf',
    'init_module',
    'finit_module',
    'kexec_load',
    'keyctl',
    'add_key',
    'request_key',
    'open_by_handle_at',
    'perf_event_open',
    'userfaultfd',
    'io_uring_setup',
    'reboot',
    'swapon',
    'settimeofday',
    'clock_settime',
    'syslog',
    'quotactl',
    'fsopen',
    'move_mount',
    'open_tree',
    'mount_setattr',
    'clone',
    'clone3',
    'socket',
    'socketcall',
    'personality',
    'iopl',
    'acct',
    'fanotify_init',
    'sethostname',
  ]) {
    expect(ALLOWED_SYSCALLS).not.toContain(name);
  }
  expect(new Set(ALLOWED_SYSCALLS).size).toBe(ALLOWED_SYSCALLS.length);
  expect(seccompProfile('arm64', { familiesHeld: false }).architectures).toContain('SCMP_ARCH_AARCH64');
});

test('32-bit programs make sockets by socketcall only where AppArmor holds their families', () => {
  const rules = (profile: string | undefined): unknown =>
    build({ appArmorProfile: profile }).linux.seccomp.syscalls.filter((rule: { names: string[] }) =>
      rule.names.includes('socketcall'),
    );
  expect(rules('slipway-container')).toEqual([{ names: ['socketcall'], action: 'SCMP_ACT_ALLOW' }]);
  expect(rules(undefined)).toEqual([{ names: ['socketcall'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }]);
  expect(build({ appArmorProfile: 'slipway-container' }).process.apparmorProfile).toBe('slipway-container');
  expect(build().process).not.toHaveProperty('apparmorProfile');
});

test('AppArmor gives no more capabilities and kinds of sockets than the rest does', () => {
  const rules = appArmorProfile().match(/^ {2}.*(?=,$)/gm) ?? [];
  const given = (kind: string): string[] =>
    rules.filter((rule) => rule.startsWith(`  ${kind} `)).map((rule) => rule.replace(`  ${kind} `, ''));
  expect(given('capability').map((name) => `CAP_${name.toUpperCase()}`)).toEqual(build().process.capabilities.bounding);
  expect(given('network')).toEqual(['unix', 'inet', 'inet6', 'netlink']);
  expect(rules).not.toContain('  capability');
  expect(rules).not.toContain('  network');
  expect(rules).toEqual(
    expect.arrayContaining(['  deny mount', '  deny umount', '  deny pivot_root', '  deny /sys/** wl']),
  );
});

describe('files of /etc', () => {
  test('hostname is the end of the handle', () => {
    expect(hostnameOf(`${'a'.repeat(30)}_${'b'.repeat(48)}`)).toBe('b'.repeat(48));
    expect(hostnameOf('x_y.z')).toBe('x-y.z');
  });
  test('hosts has the container itself', () => {
    expect(hostsFile('app', '10.254.0.7')).toContain('10.254.0.7\tapp\n');
  });
  test('name servers on the loopback are of no use in a container', () => {
    const host =
      '# made by\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver fd00::1\nsearch a b\noptions edns0\n';
    expect(resolvConf(host, [])).toBe('nameserver 10.0.0.2\nsearch a b\noptions edns0\n');
    expect(resolvConf('nameserver 127.0.0.53\n', [])).toBe('nameserver 8.8.8.8\nnameserver 8.8.4.4\n');
    expect(resolvConf(host, ['9.9.9.9'])).toBe('nameserver 9.9.9.9\nsearch a b\noptions edns0\n');
  });
});
