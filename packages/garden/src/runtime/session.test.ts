// @module-tag root
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { findCgroups } from '../cgroup/hierarchy.ts';
import { listCgroups } from '../cgroup/removal.ts';
import type { LayerHandle } from '../layers/layer.ts';
import type { Container } from './container.ts';
import { containerSpec, Lines, storeImage, testCell, useCell } from './garden.test-support.ts';
import type { Garden } from './garden.ts';
import type { ExecSpec, Session } from './session.ts';

// Real containers: they need root, runc, conmon, tini and busybox-static.

const options = testCell();
let garden: Garden;
let image: readonly LayerHandle[];
useCell(options, (opened, stored) => {
  garden = opened;
  image = stored;
});

const SHELL = ['/.slipway/busybox', 'sh', '-c'];
const MEBIBYTE = 1024 * 1024;

async function running(process: Parameters<typeof containerSpec>[1] = {}): Promise<Container> {
  const container = await garden.create(containerSpec(image, { command: 'sleep 1000', ...process }));
  await container.start();
  return container;
}

async function result(session: Session): Promise<{ out: string; err: string; status: number }> {
  session.stdin.end();
  const [out, err] = await Promise.all([
    text(session.stdout),
    session.stderr === undefined ? '' : text(session.stderr),
  ]);
  const status = await session.exited;
  await session.ended;
  return { out, err, status };
}

const shell = (container: Container, script: string, more: Partial<ExecSpec> = {}): Session =>
  container.exec({ argv: [...SHELL, script], ...more });

const cgroupsOf = (container: Container): readonly string[] =>
  listCgroups(findCgroups(), `/slipway/${options.cell}/${container.handle}`);

/** Names of files of sessions. */
const filesOf = (container: Container): readonly string[] =>
  readdirSync(join(options.dataDir, 'containers', container.handle)).filter((name) => name.startsWith('session-'));

/** Resolves with the first line that a session writes. */
async function firstLine(session: Session): Promise<string> {
  let said = '';
  while (!said.includes('\n')) {
    const [bytes] = (await once(session.stdout, 'data')) as [Buffer];
    said += bytes.toString();
  }
  return said.slice(0, said.indexOf('\n')).trim();
}

describe('a session', () => {
  test('has the user, the variables and the limits of the app, and its own on top', async () => {
    const container = await running({ user: 'app', env: { COLOR: 'blue', KEPT: 'a=b c' } });
    const script = 'id -u; id -g; pwd; echo "$COLOR $KEPT"; ulimit -n; echo problem >&2; exit 7';
    const answer = await result(shell(container, script, { environment: { COLOR: 'red' } }));
    expect(answer.out.split('\n')).toEqual(['1000', '1001', '/', 'red a=b c', '1024', '']);
    expect(answer.err).toBe('problem\n');
    expect(answer.status).toBe(7);
    await container.delete();
  });

  test('is as confined as the app: capabilities, seccomp, no new privileges, read-only kernel paths', async () => {
    const look = "grep -E '^(CapBnd|CapEff|CapInh|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status";
    const container = await garden.create(containerSpec(image, { command: `${look}; sleep 1000` }));
    const lines = new Lines();
    container.readLogs(lines.sink);
    await container.start();
    await lines.until('Seccomp:\t');
    const { out } = await result(shell(container, look));
    expect(out.trim().split('\n').sort()).toEqual([...lines.all].sort());
    expect(out).toContain('NoNewPrivs:\t1');
    expect((await result(shell(container, 'echo 1 > /proc/sys/kernel/panic'))).status).not.toBe(0);
    expect((await result(shell(container, 'echo x > /.slipway/busybox'))).status).not.toBe(0);
    await container.delete();
  });

  test('has no descriptor but its own three, and nothing of the environment of the rep', async () => {
    process.env.SECRET_OF_THE_REP = 'leaked';
    const container = await running();
    const argv = ['/.slipway/busybox', 'sh', '-c', 'ls -l /proc/self/fd; ls -l /proc/self/cwd /proc/1/cwd; env'];
    const { out } = await result(container.exec({ argv }));
    delete process.env.SECRET_OF_THE_REP;
    expect(out).not.toContain('SECRET_OF_THE_REP');
    expect(out).not.toContain(options.dataDir);
    expect(out).not.toContain(options.runDir);
    const fds = out.split('\n').filter((line) => / -> (pipe|socket|\/)/.test(line) && !line.includes('cwd'));
    expect(fds.map((line) => line.replace(/.* (\d+) -> .*/, '$1'))).toEqual(['0', '1', '2']);
    await container.delete();
  });

  test('starts in no directory that the image has made a way out of', async () => {
    const container = await running({ env: { HOME: '/proc/self/fd/8', PWD: '/proc/self/fd/7' } });
    const { out } = await result(shell(container, 'pwd; cd /proc/self/cwd && ls -a'));
    expect(out.split('\n')[0]).toBe('/');
    expect(out).toContain('.slipway');
    await container.delete();
  });

  test('passes on any number of bytes as they are', async () => {
    const container = await running();
    const session = container.exec({ argv: ['/.slipway/busybox', 'cat'] });
    const bytes = Buffer.alloc(4 * MEBIBYTE, Buffer.from(Array.from({ length: 251 }, (_, index) => index)));
    session.stdin.end(bytes);
    const pieces: Buffer[] = [];
    for await (const piece of session.stdout) pieces.push(piece as Buffer);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
    expect(await session.exited).toBe(0);
    await container.delete();
  });

  test('with a terminal has its size, hears of another one, and may interrupt', async () => {
    const container = await running();
    const script =
      "trap 'stty size' WINCH; trap 'echo interrupted; exit 3' INT; tty; stty size; while :; do sleep 0.05; done";
    const session = shell(container, script, { terminal: { columns: 91, rows: 17 }, environment: { TERM: 'xterm' } });
    let said = '';
    const until = async (what: string): Promise<void> => {
      while (!said.includes(what)) said += String(((await once(session.stdout, 'data')) as [Buffer])[0]);
    };
    await until('17 91');
    expect(said).toContain('/dev/pts/0');
    session.resize({ columns: 120, rows: 40 });
    await until('40 120');
    session.stdin.write('\x03');
    await until('interrupted');
    session.stdout.resume();
    expect(await session.exited).toBe(3);
    await container.delete();
  });

  test('with a terminal whose program does not read holds up nobody', async () => {
    const container = await running();
    const terminal = { columns: 80, rows: 24 };
    const session = shell(container, 'stty raw -echo; echo ready; sleep 1000', { terminal });
    expect(await firstLine(session)).toBe('ready');
    session.stdin.write(Buffer.alloc(MEBIBYTE, 'x'));
    expect((await result(shell(container, 'echo alive'))).out).toBe('alive\n');
    await session.close();
    await container.delete();
  });

  test('takes signals', async () => {
    const container = await running();
    const session = shell(container, "trap 'echo told; exit 9' USR1; echo ready; while :; do sleep 0.05; done");
    expect(await firstLine(session)).toBe('ready');
    session.signal('SIGUSR1');
    expect(await firstLine(session)).toBe('told');
    expect(await session.exited).toBe(9);
    expect(session.signal('SIGUSR1')).toBe(false);
    await container.delete();
  });

  test('ends with all that it has started, and the app goes on', async () => {
    const container = await running();
    const session = shell(
      container,
      'setsid sleep 4711 & setsid sleep 4712 >/dev/null </dev/null & echo ready; sleep 4713',
    );
    expect(await firstLine(session)).toBe('ready');
    expect(cgroupsOf(container)).toHaveLength(1);
    await session.close();
    const { out } = await result(shell(container, 'ps'));
    expect(out).not.toContain('471');
    expect(out).toContain('sleep 1000');
    expect(container.state).toBe('running');
    expect([cgroupsOf(container), filesOf(container)]).toEqual([[], []]);
    await container.delete();
  });

  test('what it left in the background goes when it ends', async () => {
    const container = await running();
    const session = shell(container, 'setsid sleep 4721 >/dev/null 2>&1 </dev/null &');
    expect((await result(session)).status).toBe(0);
    await session.ended;
    expect((await result(shell(container, 'ps'))).out).not.toContain('4721');
    await container.delete();
  });

  test('counts as the container: its processes and its memory are limited with it', async () => {
    const container = await garden.create(
      containerSpec(
        image,
        { command: 'sleep 1000' },
        {
          limits: { memoryBytes: 64 * MEBIBYTE, cpuShares: 64, pids: 12, nofile: 1024 },
        },
      ),
    );
    await container.start();
    const many = 'i=0; while [ $i -lt 30 ]; do sleep 1000 >/dev/null 2>&1 & i=$((i+1)); done; echo all';
    expect((await result(shell(container, many))).err).toContain("can't fork");
    await container.delete();
  });

  test('ends when its container ends, and none begins in one that has', async () => {
    const container = await running();
    const session = shell(container, 'sleep 1000');
    session.stdout.resume();
    container.signal('SIGKILL');
    await container.exited;
    expect(await session.exited).not.toBe(0);
    expect(() => shell(container, 'true')).toThrow(expect.objectContaining({ code: 'CONTAINER_STATE' }));
    await container.delete();
  });

  test('whose program is not there says so', async () => {
    const container = await running();
    const answer = await result(container.exec({ argv: ['/no/such/program'] }));
    expect(answer.status).not.toBe(0);
    expect(answer.err).toContain('no such file');
    await container.delete();
  });

  test('works in an image that has nothing but a program', async () => {
    const bare = await storeImage(garden, [{ name: 'busybox', content: readFileSync('/bin/busybox'), mode: 0o755 }]);
    const container = await garden.create(
      containerSpec(bare, { entrypoint: ['/busybox', 'sleep'], cmd: ['1000'], user: '12345' }),
    );
    await container.start();
    const { out } = await result(shell(container, 'id -u; ls /'));
    expect(out.split('\n').slice(0, 2)).toEqual(['12345', 'busybox']);
    await container.delete();
  });
});

describe('a connection from within a container', () => {
  const site = 'mkdir /tmp/w; echo hello > /tmp/w/x; exec httpd -f -p 127.0.0.1:7000 -h /tmp/w';

  test('reaches what listens to the loopback there, and nothing of the host', async () => {
    const container = await running({ command: site });
    const signal = AbortSignal.timeout(100_000);
    const ask = async (): Promise<string> => {
      const socket = await container.connect('127.0.0.1', 7000, signal);
      socket.write('GET /x HTTP/1.0\r\n\r\n');
      return await text(socket);
    };
    await expect.poll(() => ask().catch(String), { timeout: 60_000 }).toContain('hello');
    await expect(container.connect('127.0.0.1', 7001, signal)).rejects.toMatchObject({
      code: 'NETWORK_FAILED',
      cause: { code: 'ECONNREFUSED' },
    });
    await expect(container.connect('::1', 7001, signal)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    await container.delete();
    await expect(container.connect('127.0.0.1', 7000, signal)).rejects.toMatchObject({ code: 'CONTAINER_STATE' });
  });
});
