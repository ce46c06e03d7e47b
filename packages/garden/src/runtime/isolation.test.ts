// @module-tag root
import { readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tcpCheck } from '../health/tcp-check.ts';
import type { LayerHandle } from '../layers/layer.ts';
import type { Container } from './container.ts';
import { containerSpec, Lines, runToEnd, testCell, useCell } from './garden.test-support.ts';
import type { Garden } from './garden.ts';

// Real containers: they need root, runc, conmon, tini and busybox-static.

const options = testCell();
let garden: Garden;
let image: readonly LayerHandle[];
useCell(options, (opened, busybox) => {
  garden = opened;
  image = busybox;
});

const run = async (command: string, user = ''): Promise<readonly string[]> =>
  (await runToEnd(garden, containerSpec(image, { command, user }))).lines;

async function serve(command: string): Promise<{ readonly container: Container; readonly lines: Lines }> {
  const container = await garden.create(containerSpec(image, { command }));
  const lines = new Lines();
  container.readLogs(lines.sink);
  await container.start();
  await lines.until('ready');
  return { container, lines };
}

/** From /proc/self/status: the mask of capabilities of a set. */
const mask = (lines: readonly string[], set: string): bigint =>
  BigInt(`0x${lines.find((line) => line.startsWith(`${set}:`))?.split(/\s+/)[1] ?? ''}`);

describe('privileges', () => {
  test('root has the documented capabilities, no more can be gained, system calls are filtered', async () => {
    const lines = await run('cat /proc/self/status');
    // CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT SETFCAP
    const expected = [0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 31].reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);
    for (const set of ['CapPrm', 'CapEff', 'CapBnd']) expect(mask(lines, set)).toBe(expected);
    for (const set of ['CapInh', 'CapAmb']) expect(mask(lines, set)).toBe(0n);
    expect(lines).toContain('NoNewPrivs:\t1');
    expect(lines).toContain('Seccomp:\t2');
  });

  test('others have none at all', async () => {
    const lines = await run('cat /proc/self/status', 'app');
    for (const set of ['CapPrm', 'CapEff', 'CapBnd', 'CapInh', 'CapAmb']) expect(mask(lines, set)).toBe(0n);
  });

  test.each([
    ['new user namespaces', 'unshare -r true'],
    ['new mount namespaces', 'unshare -m true'],
    ['mounting', 'mount -t tmpfs x /tmp'],
    ['setting the host name', 'hostname evil'],
    ['changing the network', 'ip link set lo down'],
    ['kernel settings', 'echo 1 > /proc/sys/kernel/panic'],
    ['the magic key', 'echo h > /proc/sysrq-trigger'],
    [
      'cgroup limits',
      'echo 999999999 > /sys/fs/cgroup/memory/memory.limit_in_bytes || echo 9 > /sys/fs/cgroup/memory.max',
    ],
    ['a cgroup of its own', 'mkdir /sys/fs/cgroup/memory/x || mkdir /sys/fs/cgroup/x'],
    ['raw packets', 'ping -c 1 -W 1 -I lo 127.0.0.1 && dd if=/dev/mem count=1'],
    ['the init', 'kill -9 1; sleep 0.1; test -d /proc/1 && false'],
    ['changing the init', 'echo x > /.slipway/init'],
    ['the clock', 'date -s 2000-01-01 2>&1 | grep -vq "not permitted" && test "$(date +%Y)" = 2000'],
  ])('root may not: %s', async (_, command) => {
    const lines = await run(`(${command}) >/dev/null 2>&1 && echo allowed || echo refused`);
    expect(lines).toEqual(['refused']);
  });

  test('kernel files that tell of the host are masked', async () => {
    expect(
      await run('cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c; ls /sys/firmware | wc -l'),
    ).toEqual(['0', '0']);
  });

  test('there are the standard devices and no others', async () => {
    const lines = await run('ls /dev');
    expect(
      lines
        .filter((line) => !['fd', 'stdin', 'stdout', 'stderr', 'core', 'ptmx', 'pts', 'shm', 'mqueue'].includes(line))
        .toSorted(),
    ).toEqual(['full', 'null', 'random', 'tty', 'urandom', 'zero']);
  });

  test('nothing of the rep is open in a container', async () => {
    const lines = await run('for f in /proc/self/fd/*; do readlink $f; done');
    expect(lines.filter((line) => line.startsWith('/') && line !== '/dev/null' && !line.startsWith('/proc/'))).toEqual([
      expect.stringMatching(/\/stdout$/),
      expect.stringMatching(/\/stderr$/),
    ]);
  });
});

describe('namespaces and ids', () => {
  test('every namespace is another than the host has', async () => {
    const names = ['user', 'pid', 'mnt', 'net', 'ipc', 'uts', 'cgroup'];
    const command = names.map((name) => `readlink /proc/self/ns/${name}`).join('; ');
    const one = await run(command);
    expect(one).toHaveLength(names.length);
    for (const [i, name] of names.entries()) {
      expect(one[i]).not.toBe(readlinkSync(`/proc/self/ns/${name}`));
    }
  });

  test('each container is other users of the host, with a file system that is theirs', async () => {
    const containers = [await serve('echo ready; sleep 1000'), await serve('echo ready; sleep 1000')];
    const owners = containers.map(({ container }) => {
      const record = JSON.parse(
        readFileSync(join(options.dataDir, 'containers', container.handle, 'container.json'), 'utf8'),
      );
      const status = readFileSync(`/proc/${record.init.pid}/status`, 'utf8');
      return Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
    });
    expect(owners).toEqual(containers.map(({ container }) => container.idBase));
    expect(new Set(owners).size).toBe(2);
    expect(Math.abs((owners[0] ?? 0) - (owners[1] ?? 0))).toBeGreaterThanOrEqual(65_536);
    for (const { container } of containers) await container.delete();
    expect(await run('ls -n / | grep -c " 0 .* 0 "; stat -c %u:%g /bin/busybox /home/app')).toContain('1000:1001');
  });

  test('a container sees its own processes only', async () => {
    const lines = await run('ps -o pid | tail -n +2 | wc -l');
    expect(Number(lines[0])).toBeLessThan(8);
  });
});

describe('network', () => {
  test('the host reaches an app at its address; the app reaches neither host nor other containers', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined).end('host')).listen(0, '0.0.0.0');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const one = await serve('httpd -p 8080; echo ready; sleep 1000');
    const gateway = options.subnet.replace(/\d+\/26$/, (end) => String(Number.parseInt(end, 10) + 1));
    expect(await tcpCheck(one.container.address, 8080, 5000)).toEqual({ ok: true });
    expect(await tcpCheck(gateway, port, 5000)).toEqual({ ok: true });
    const probe = (to: string, toPort: number, seconds = 1): string =>
      `nc -w ${seconds} ${to} ${toPort} </dev/null >/dev/null 2>&1 && echo reached || echo not`;
    expect(
      await run(
        `${probe(gateway, port)}; ${probe(one.container.address, 8080)}; httpd -p 8080; ${probe('127.0.0.1', 8080, 20)}`,
      ),
    ).toEqual(['not', 'not', 'reached']);
    await one.container.delete();
    await new Promise((resolve) => server.close(resolve));
  });

  test('the loopback of a container is up, its own, and without IPv6 elsewhere', async () => {
    const lines = await run('ip -o addr');
    expect(lines.some((line) => line.includes('127.0.0.1/8'))).toBe(true);
    expect(lines.filter((line) => line.includes('eth0') && line.includes('inet6'))).toEqual([]);
  });
});
