import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scratch } from '../layers/unpack.test-support.ts';
import { RootfsView } from '../rootfs/rootfs-files.ts';
import { buildArguments, buildWorkdir, checkWorkdir, executableCandidates } from './command.ts';
import { buildEnvironment } from './environment.ts';
import { type ProcessRequest, resolveProcess } from './process.ts';

let dir: string;
let view: RootfsView;
beforeAll(() => {
  dir = scratch();
  mkdirSync(join(dir, 'usr/local/bin'), { recursive: true });
  mkdirSync(join(dir, 'srv'));
  mkdirSync(join(dir, 'etc'));
  for (const file of ['usr/local/bin/server', 'srv/run', 'etc/notexecutable']) writeFileSync(join(dir, file), '#!');
  for (const file of ['usr/local/bin/server', 'srv/run']) chmodSync(join(dir, file), 0o755);
  mkdirSync(join(dir, 'run'));
  for (const [at, to] of [
    ['var-run', '/run'],
    ['nowhere', '/not/there'],
    ['kernel', '/proc'],
    ['run/sneaky', '../proc/self'],
  ] as const)
    symlinkSync(to, join(dir, at));
  mkdirSync(join(dir, 'proc'));
  view = new RootfsView(dir);
});
afterAll(() => {
  view.close();
  rmSync(dir, { recursive: true });
});

const request: ProcessRequest = { entrypoint: [], cmd: [], workdir: '', user: '', imageEnv: [], env: {} };
const resolve = (changes: Partial<ProcessRequest>) => resolveProcess({ ...request, ...changes }, view, ['/mnt']);

test('ENTRYPOINT and CMD are one list; a start command goes through the shell instead', () => {
  expect(buildArguments({ entrypoint: ['a', 'b c'], cmd: ['$d'] })).toEqual(['a', 'b c', '$d']);
  expect(buildArguments({ entrypoint: ['a'], cmd: ['b'], command: 'echo $X && x' })).toEqual([
    '/bin/sh',
    '-c',
    'echo $X && x',
  ]);
  expect(buildArguments({ entrypoint: [], cmd: ['b'], command: '' })).toEqual(['b']);
  for (const source of [
    { entrypoint: [], cmd: [] },
    { entrypoint: [''], cmd: [] },
    { entrypoint: ['a\0'], cmd: [] },
  ]) {
    expect(() => buildArguments(source)).toThrow(expect.objectContaining({ code: 'PROCESS_NO_COMMAND' }));
  }
});

describe('working directory', () => {
  test.each([
    ['', '/'],
    ['/', '/'],
    ['app', '/app'],
    ['/app/', '/app'],
    ['/a/../b//c', '/b/c'],
    ['../../x', '/x'],
  ])('%j is %s', (from, to) => expect(buildWorkdir(from)).toBe(to));
  test.each(['/srv', '/missing/deep', '/var-run', '/var-run/app', '/var-run/a/b'])('%j may be', (path) => {
    expect(() => checkWorkdir(path, view)).not.toThrow();
  });
  test.each([
    ['/nowhere', 'leads nowhere'],
    ['/nowhere/x', 'leads nowhere'],
    ['/kernel', '"/proc"'],
    ['/kernel/self/cwd', '"/proc/self/cwd"'],
    ['/var-run/sneaky', 'leads nowhere'],
    ['/etc/notexecutable', 'no directory'],
  ])('%j of the image is refused, and why', (path, why) => {
    expect(() => checkWorkdir(path, view)).toThrow(
      expect.objectContaining({ code: 'PROCESS_WORKDIR_INVALID', message: expect.stringContaining(why) }),
    );
  });
  test.each(['/proc/self/fd/7', '/proc', '/a/../proc/1', '/sys/x', '/dev', 'proc/self', '/x\0'])(
    '%j is refused',
    (path) => {
      expect(() => buildWorkdir(path)).toThrow(expect.objectContaining({ code: 'PROCESS_WORKDIR_INVALID' }));
    },
  );
});

describe('environment', () => {
  const root = { uid: 0, name: undefined };
  test('image values stay verbatim, the platform wins, defaults fill in', () => {
    const env = buildEnvironment(
      ['A="q $x"', 'B=1\n2', 'EMPTY=', 'BARE', 'PORT=1', 'E=a=b'],
      { PORT: '8080', VCAP: '{}' },
      root,
    );
    expect(env).toEqual([
      'A="q $x"',
      'B=1\n2',
      'EMPTY=',
      'BARE=',
      'PORT=8080',
      'E=a=b',
      'VCAP={}',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'USER=root',
    ]);
  });
  test('PATH and USER of others', () => {
    expect(buildEnvironment([], {}, { uid: 7, name: 'app' })).toEqual([
      'PATH=/usr/local/bin:/usr/bin:/bin',
      'USER=app',
    ]);
    expect(buildEnvironment(['PATH=/x', 'USER=y'], {}, { uid: 7, name: 'app' })).toEqual(['PATH=/x', 'USER=y']);
    expect(buildEnvironment(['PATH=/x'], {}, { uid: 7, name: undefined })).toEqual(['PATH=/x']);
  });
  test.each([['=x'], ['A=\0']])('%j is refused', (line) => {
    expect(() => buildEnvironment([line], {}, root)).toThrow(expect.objectContaining({ code: 'PROCESS_ENV_INVALID' }));
  });
});

describe('executables', () => {
  test('candidates are those of execvp', () => {
    expect(executableCandidates('x', '/w', '/a:/b::rel')).toEqual(['/a/x', '/b/x', '/w/x', '/w/rel/x']);
    expect(executableCandidates('./x', '/w', '/a')).toEqual(['/w/x']);
    expect(executableCandidates('/x', '/w', '/a')).toEqual(['/x']);
  });
  test('are found through PATH, absolute and relative to the working directory', () => {
    expect(resolve({ cmd: ['server'] }).args).toEqual(['server']);
    expect(resolve({ cmd: ['/srv/run'] }).cwd).toBe('/');
    expect(resolve({ cmd: ['./run'], workdir: '/srv' }).cwd).toBe('/srv');
    expect(resolve({ cmd: ['/mnt/volume/tool'] }).args).toEqual(['/mnt/volume/tool']);
  });
  test.each([
    [{ cmd: ['nothing'] }, 'exec: "nothing": executable file not found in $PATH'],
    [{ cmd: ['server'], imageEnv: ['PATH=/bin'] }, 'executable file not found in $PATH'],
    [{ cmd: ['/etc/notexecutable'] }, 'no such executable file in the image'],
    [{ cmd: ['/usr'] }, 'no such executable file in the image'],
    [{ command: 'true' }, 'exec: "/bin/sh": no such executable file in the image'],
    [{ cmd: ['./run'] }, 'no such executable file in the image'],
  ])('%j is told in words', (changes, message) => {
    expect(() => resolve(changes)).toThrow(
      expect.objectContaining({ code: 'PROCESS_EXECUTABLE_NOT_FOUND', message: expect.stringContaining(message) }),
    );
  });
});

test("a link at /etc/passwd to the host's shadow file reads nothing", () => {
  symlinkSync('/etc/shadow', join(dir, 'etc/passwd'));
  expect(() => resolve({ cmd: ['server'], user: 'daemon' })).toThrow(
    expect.objectContaining({ code: 'IMAGE_FILE_INVALID' }),
  );
});
