import type { TarSpec } from '../../tar/tar-writer.test-support.ts';
import type { Family, HostileProcess, HostileRootfs, Outcome } from '../hostile-image.test-support.ts';
import { archive } from '../raw-tar.test-support.ts';

type Refusal = Extract<Outcome, { refused: unknown }>['refused'];

/** What an image needs to be started at all. */
const SHELL: readonly TarSpec[] = [{ name: 'bin/sh', content: '#!', mode: 0o755 }];
const PASSWD: TarSpec = { name: 'etc/passwd', content: 'root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n' };

function rootfs(
  name: string,
  expect: Outcome,
  entries: readonly TarSpec[],
  process: HostileProcess = {},
): HostileRootfs {
  return {
    kind: 'rootfs',
    name,
    expect,
    layer: () => ({ bytes: archive(entries) }),
    process: { entrypoint: ['/bin/sh'], ...process },
  };
}

const bad = (name: string, code: Refusal, entries: readonly TarSpec[], process?: HostileProcess): HostileRootfs =>
  rootfs(name, { refused: code }, entries, process);
const good = (name: string, read: unknown, entries: readonly TarSpec[], process?: HostileProcess): HostileRootfs =>
  rootfs(name, { read }, entries, process);

export const mountPoints: Family = {
  title: 'Where the kernel is mounted',
  what: 'Refused when /dev, /proc or /sys is anything but a directory: runtimes have followed links there (CVE-2025-31133, -52565, -52881).',
  images: ['dev', 'proc', 'sys'].flatMap((name) => [
    bad(`/${name} is a link to /`, 'IMAGE_MOUNT_POINT_INVALID', [...SHELL, { name, type: '2', link: '/' }]),
    bad(`/${name} is a link to a directory of the image`, 'IMAGE_MOUNT_POINT_INVALID', [
      ...SHELL,
      { name: 'd/', type: '5' },
      { name, type: '2', link: 'd' },
    ]),
    bad(`/${name} is a link to the host by ..`, 'IMAGE_MOUNT_POINT_INVALID', [
      ...SHELL,
      { name, type: '2', link: '../../../../etc' },
    ]),
    bad(`/${name} is a link to nothing`, 'IMAGE_MOUNT_POINT_INVALID', [...SHELL, { name, type: '2', link: 'nowhere' }]),
    bad(`/${name} is a link to itself`, 'IMAGE_MOUNT_POINT_INVALID', [...SHELL, { name, type: '2', link: name }]),
    bad(`/${name} is a file`, 'IMAGE_MOUNT_POINT_INVALID', [...SHELL, { name, content: 'x' }]),
    good(`/${name} is a FIFO, which is left out`, {}, [...SHELL, { name, type: '6' }]),
    good(`/${name} is a directory full of links`, {}, [
      ...SHELL,
      ...['null', 'fd', 'self', 'kernel'].map((each) => ({ name: `${name}/${each}`, type: '2', link: '/etc/shadow' })),
    ]),
  ]),
};

const passwd = (content: string): TarSpec => ({ name: 'etc/passwd', content });
const group = (content: string): TarSpec => ({ name: 'etc/group', content });
const app = { user: 'app' };

export const accounts: Family = {
  title: 'Users, /etc/passwd and /etc/group',
  what: "Read without leaving the image, bounded, and only as numbers that Docker takes, each of which becomes a host id that no other container has. A user of digits is a number, whatever name the image's files make of it (CVE-2024-40635).",
  images: [
    ...[
      '2147483648',
      '4294967295',
      '4294967296',
      '99999999999999999999',
      '0:2147483648',
      '1000:4294967296',
      'a:b:c',
      'a/b',
      'a\nb',
      '1000:1000:1000',
    ].map((user) => bad(`the user ${JSON.stringify(user)}`, 'USER_INVALID', [...SHELL, PASSWD], { user })),
    ...[
      '-1',
      '+0',
      '0x0',
      '1e3',
      ' 0',
      '0 ',
      'root ',
      'ROOT',
      '*',
      '\x1b[2J',
      'a\tb',
      '１０００',
      'nobody:nogroup',
      '__proto__',
      '0:0x0',
    ].map((user) => bad(`the user ${JSON.stringify(user)}`, 'USER_NOT_FOUND', [...SHELL, PASSWD], { user })),
    good(
      'a number that an account has for its name',
      { user: { uid: 1000, gid: 0 } },
      [...SHELL, passwd('1000:x:0:0::/:/bin/sh\n')],
      { user: '1000' },
    ),
    good(
      'an account of root by another name',
      { user: { uid: 0, gid: 0 } },
      [...SHELL, passwd('app:x:0:0::/:/bin/sh\n')],
      app,
    ),
    bad('an account with a uid of 2^32', 'USER_INVALID', [...SHELL, passwd('app:x:4294967296:0::/:/bin/sh\n')], app),
    bad('an account with a uid of 2^31', 'USER_INVALID', [...SHELL, passwd('app:x:2147483648:0::/:/bin/sh\n')], app),
    bad('an account with a negative uid', 'USER_INVALID', [...SHELL, passwd('app:x:-1:0::/:/bin/sh\n')], app),
    bad('an account with a uid in hex', 'USER_INVALID', [...SHELL, passwd('app:x:0x10:0::/:/bin/sh\n')], app),
    bad('an account without a uid', 'USER_INVALID', [...SHELL, passwd('app:x::0::/:/bin/sh\n')], app),
    bad('an account with a gid of 2^32', 'USER_INVALID', [...SHELL, passwd('app:x:1000:4294967296::/:/bin/sh\n')], app),
    bad('an account of two fields', 'USER_INVALID', [...SHELL, passwd('app:x\n')], app),
    good(
      'an account twice, of which the first counts',
      { user: { uid: 1000 } },
      [...SHELL, passwd('app:x:1000:1000::/:/bin/sh\napp:x:0:0::/:/bin/sh\n')],
      app,
    ),
    bad(
      'an account in a line of 20,000 bytes',
      'USER_NOT_FOUND',
      [...SHELL, passwd(`app:${'x'.repeat(20_000)}:0:0::/:/bin/sh\n`)],
      app,
    ),
    bad(
      'an account after 70,000 lines',
      'USER_NOT_FOUND',
      [...SHELL, passwd(`${':\n'.repeat(70_000)}app:x:0:0::/:/bin/sh\n`)],
      app,
    ),
    bad(
      'accounts of a megabyte and a byte',
      'IMAGE_FILE_INVALID',
      [...SHELL, passwd('x'.repeat(1024 * 1024 + 1))],
      app,
    ),
    bad(
      'groups of a megabyte and a byte',
      'IMAGE_FILE_INVALID',
      [...SHELL, PASSWD, group('x'.repeat(1024 * 1024 + 1))],
      app,
    ),
    bad('accounts that are a directory', 'IMAGE_FILE_INVALID', [...SHELL, { name: 'etc/passwd', type: '5' }], app),
    bad('accounts that are NULs', 'USER_NOT_FOUND', [...SHELL, passwd('\0'.repeat(1000))], app),
    bad(
      'accounts that are no text',
      'USER_NOT_FOUND',
      [...SHELL, { name: 'etc/passwd', content: Buffer.alloc(1000, 0xff) }],
      app,
    ),
    bad(
      'a name of the accounts of the host, by a link',
      'IMAGE_FILE_INVALID',
      [...SHELL, { name: 'etc/passwd', type: '2', link: '/proc/1/root/etc/passwd' }],
      { user: 'daemon' },
    ),
    bad(
      'a name of the accounts of the host, by ..',
      'IMAGE_FILE_INVALID',
      [...SHELL, { name: 'etc/passwd', type: '2', link: '../../../../../../etc/passwd' }],
      { user: 'daemon' },
    ),
    bad(
      'a name of the accounts of the host, by a link in place of /etc',
      'IMAGE_FILE_INVALID',
      [...SHELL, { name: 'etc', type: '2', link: '/proc/1/root/etc' }],
      { user: 'daemon' },
    ),
    bad(
      'accounts that are a device of the container, which never ends',
      'IMAGE_FILE_INVALID',
      [...SHELL, { name: 'etc/passwd', type: '2', link: '/dev/urandom' }],
      { user: '1000' },
    ),
    bad(
      'groups that are a pipe of the container, which never ends',
      'IMAGE_FILE_INVALID',
      [...SHELL, PASSWD, { name: 'etc/group', type: '2', link: '/proc/self/fd/0' }],
      app,
    ),
    bad(
      'accounts that are a ring of links',
      'IMAGE_FILE_INVALID',
      [...SHELL, { name: 'etc/passwd', type: '2', link: 'passwd' }],
      app,
    ),
    good(
      'accounts behind a link within the image',
      { user: { uid: 1000 } },
      [
        ...SHELL,
        { name: 'real', content: 'app:x:1000:1000::/:/bin/sh\n' },
        { name: 'etc/passwd', type: '2', link: '/real' },
      ],
      app,
    ),
    good(
      'a group with a gid that no container has',
      { user: { additionalGids: [33] } },
      [...SHELL, PASSWD, group('web:x:33:app\nbad:x:x:app\nnone:x::app\n')],
      app,
    ),
    bad('a group above what a container has', 'USER_INVALID', [...SHELL, PASSWD, group('big:x:4294967296:app\n')], app),
    good(
      'ten thousand groups',
      { user: { uid: 1000 } },
      [...SHELL, PASSWD, group(Array.from({ length: 10_000 }, (_, i) => `g${i}:x:${i}:app\n`).join(''))],
      app,
    ),
    good('no accounts, and root', { user: { uid: 0, gid: 0 } }, SHELL, {}),
    bad('no accounts, and a name', 'USER_NOT_FOUND', SHELL, app),
    good('a password that is empty', { user: { uid: 0 } }, [...SHELL, passwd('root::0:0::/:/bin/sh\n')], {
      user: 'root',
    }),
  ],
};

export const processes: Family = {
  title: 'What is run, where, and with what',
  what: 'The working directory may not be of the kernel (CVE-2024-21626), the program must be a file that can be executed in the image, and variables are values: nothing in them is expanded.',
  images: [
    ...[
      '/proc',
      '/proc/self/fd/7',
      '/proc/self/cwd',
      '//proc//self',
      '/./proc/1',
      '/a/../proc/self',
      '/sys',
      '/sys/fs/cgroup',
      '/dev',
      '/dev/fd/8',
      '/.slipway',
      '/x/../../../proc/self',
      'proc/self',
    ].map((workdir) => bad(`the directory ${workdir}`, 'PROCESS_WORKDIR_INVALID', SHELL, { workdir })),
    bad('a directory of 4,096 bytes', 'PROCESS_WORKDIR_INVALID', SHELL, { workdir: `/${'d'.repeat(4095)}` }),
    bad('a directory with a NUL in it', 'PROCESS_WORKDIR_INVALID', SHELL, { workdir: '/a\0b' }),
    good('a directory that climbs', { cwd: '/etc' }, SHELL, { workdir: '../../../../etc' }),
    good('a directory that begins as one of the kernel', { cwd: '/process' }, SHELL, { workdir: '/process' }),
    bad('no program', 'PROCESS_NO_COMMAND', SHELL, { entrypoint: [] }),
    bad('a program without a name', 'PROCESS_NO_COMMAND', SHELL, { entrypoint: [''] }),
    bad('a NUL in an argument', 'PROCESS_NO_COMMAND', SHELL, { entrypoint: ['/bin/sh', 'a\0b'] }),
    bad('a program that is not there', 'PROCESS_EXECUTABLE_NOT_FOUND', SHELL, { entrypoint: ['/bin/bash'] }),
    bad('a program of the host by ..', 'PROCESS_EXECUTABLE_NOT_FOUND', SHELL, {
      entrypoint: ['../../../../usr/bin/env'],
    }),
    bad(
      'a program of the host by a link',
      'PROCESS_EXECUTABLE_NOT_FOUND',
      [...SHELL, { name: 'p', type: '2', link: '/proc/1/root/usr/bin/env' }],
      { entrypoint: ['/p'] },
    ),
    bad(
      'a program of the host by a link with ..',
      'PROCESS_EXECUTABLE_NOT_FOUND',
      [...SHELL, { name: 'p', type: '2', link: '../../../../usr/bin/env' }],
      { entrypoint: ['/p'] },
    ),
    bad('a program that is a directory', 'PROCESS_EXECUTABLE_NOT_FOUND', SHELL, { entrypoint: ['/bin'] }),
    bad('a program that may not be executed', 'PROCESS_EXECUTABLE_NOT_FOUND', [{ name: 'p', content: 'x' }], {
      entrypoint: ['/p'],
    }),
    bad(
      'a program that is a ring of links',
      'PROCESS_EXECUTABLE_NOT_FOUND',
      [
        { name: 'p', type: '2', link: 'q' },
        { name: 'q', type: '2', link: 'p' },
      ],
      { entrypoint: ['/p'] },
    ),
    bad('a program with a slash after it', 'PROCESS_EXECUTABLE_NOT_FOUND', SHELL, { entrypoint: ['nowhere/'] }),
    bad('a program of a megabyte', 'PROCESS_EXECUTABLE_NOT_FOUND', SHELL, { entrypoint: ['/'.padEnd(1_000_000, 'x')] }),
    bad('a path of programs that climbs', 'PROCESS_EXECUTABLE_NOT_FOUND', SHELL, {
      entrypoint: ['env'],
      imageEnv: ['PATH=../../../../usr/bin'],
    }),
    bad('a path of ten thousand directories', 'PROCESS_EXECUTABLE_NOT_FOUND', SHELL, {
      entrypoint: ['env'],
      imageEnv: [`PATH=${'/x:'.repeat(10_000)}`],
    }),
    good('a program found by a path that climbs within the image', { args: ['sh'] }, SHELL, {
      entrypoint: ['sh'],
      imageEnv: ['PATH=../../../../bin'],
    }),
    good('variables that are orders to a shell', { env: expectedEnv(['A=$(reboot)', 'B=`id`', 'C=a\nD=b']) }, SHELL, {
      imageEnv: ['A=$(reboot)', 'B=`id`', 'C=a\nD=b'],
    }),
    good('variables that are orders to the loader', { env: expectedEnv(['LD_PRELOAD=/evil.so']) }, SHELL, {
      imageEnv: ['LD_PRELOAD=/evil.so'],
    }),
    good('a variable twice, of which the last counts', { env: expectedEnv(['A=2']) }, SHELL, {
      imageEnv: ['A=1', 'A=2'],
    }),
    good('variables that JavaScript knows', { env: expectedEnv(['__proto__=x', 'constructor=y']) }, SHELL, {
      imageEnv: ['__proto__=x', 'constructor=y'],
    }),
    bad('a variable without a name', 'PROCESS_ENV_INVALID', SHELL, { imageEnv: ['=x'] }),
    bad('a NUL in a variable', 'PROCESS_ENV_INVALID', SHELL, { imageEnv: ['A=b\0c'] }),
    bad('a NUL in the name of a variable', 'PROCESS_ENV_INVALID', SHELL, { imageEnv: ['A\0=b'] }),
  ],
};

/** With what Slipway adds when an image does not say. */
function expectedEnv(lines: readonly string[]): readonly string[] {
  return [...lines, 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'USER=root'];
}
