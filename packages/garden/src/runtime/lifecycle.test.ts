// @module-tag root
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { GardenError } from '../errors.ts';
import type { LayerHandle } from '../layers/layer.ts';
import type { Container } from './container.ts';
import type { ContainerSpec } from './container-spec.ts';
import {
  busyboxImage,
  containerSpec,
  Lines,
  openCell,
  runToEnd,
  storeImage,
  testCell,
  useCell,
} from './garden.test-support.ts';
import type { Garden } from './garden.ts';

// Real containers: they need root, runc, conmon, tini and busybox-static.

const options = testCell();
let garden: Garden;
let image: readonly LayerHandle[];
useCell(options, (opened, busybox) => {
  garden = opened;
  image = busybox;
});

async function start(spec: ContainerSpec): Promise<{ readonly container: Container; readonly lines: Lines }> {
  const container = await garden.create(spec);
  const lines = new Lines();
  container.readLogs(lines.sink);
  await container.start();
  return { container, lines };
}

test('an app runs, its lines and its exit status come out', async () => {
  const spec = containerSpec(image, {
    cmd: ['sh', '-c', 'echo out; echo "$GREETING" >&2; exit 7'],
    env: { GREETING: 'a "b" $c' },
  });
  const { lines, status } = await runToEnd(garden, spec);
  expect(lines.toSorted()).toEqual(['a "b" $c', 'out']);
  expect(status).toBe(7);
});

test('an app ended by a signal has the status a shell would give it', async () => {
  expect((await runToEnd(garden, containerSpec(image, { command: 'kill -SEGV $$' }))).status).toBe(139);
});

test('the app is not PID 1, and what it leaves behind is reaped', async () => {
  const { lines } = await runToEnd(
    garden,
    containerSpec(image, { command: 'echo pid $$; (sleep 0.1 &) ; sleep 0.4; ps -o pid,stat,comm' }),
  );
  expect(lines[0]).not.toBe('pid 1');
  expect(lines.some((line) => /^\s*1 \S+\s+init/.test(line))).toBe(true);
  expect(lines.some((line) => line.includes(' Z '))).toBe(false);
});

describe('stopping', () => {
  test('an app that heeds SIGTERM ends by itself', async () => {
    const { container, lines } = await start(
      containerSpec(image, { command: 'trap "echo bye; exit 3" TERM; echo ready; while :; do sleep 0.05; done' }),
    );
    await lines.until('ready');
    expect(await container.stop({ graceMs: 30_000 })).toMatchObject({
      killed: false,
      exit: { status: 3, outOfMemory: false },
    });
    await lines.until('bye');
    await container.delete();
  });

  test('one that does not is killed after the grace time, with all its processes', async () => {
    const { container, lines } = await start(
      containerSpec(image, { command: 'trap "" TERM; sleep 1000 & echo ready; while :; do sleep 1000; done' }),
    );
    await lines.until('ready');
    const began = performance.now();
    expect(await container.stop({ graceMs: 200 })).toMatchObject({ killed: true, exit: { status: 137 } });
    expect(performance.now() - began).toBeGreaterThanOrEqual(199);
    expect(container.state).toBe('exited');
    expect(container.signal('SIGTERM')).toBe(false);
    expect(container.stats()?.pids).toBe(0);
    await container.delete();
  });

  test('another stop signal can be asked for', async () => {
    const { container, lines } = await start(
      containerSpec(image, { command: 'trap "exit 4" QUIT; trap "" TERM; echo ready; while :; do sleep 0.05; done' }),
    );
    await lines.until('ready');
    expect((await container.stop({ signal: 'SIGQUIT', graceMs: 30_000 })).exit.status).toBe(4);
    await container.delete();
  });
});

describe('limits', () => {
  test('an app that wants more memory than it may have is killed, and that is named', async () => {
    const spec = containerSpec(image, { command: 'exec dd if=/dev/zero of=/dev/null bs=64M count=1' });
    const outcome = await runToEnd(garden, { ...spec, limits: { ...spec.limits, memoryBytes: 24 * 1024 * 1024 } });
    expect(outcome).toMatchObject({ status: 137, outOfMemory: true });
  });

  test('shared memory counts, and a killed child is named also when the app goes on', async () => {
    const spec = containerSpec(image, {
      command: 'dd if=/dev/zero of=/dev/shm/x bs=1M count=60 2>/dev/null; echo went on; exit 1',
    });
    const outcome = await runToEnd(garden, { ...spec, limits: { ...spec.limits, memoryBytes: 24 * 1024 * 1024 } });
    expect(outcome.lines).toContain('went on');
    expect(outcome).toMatchObject({ status: 1, outOfMemory: true });
  });

  test('a fork bomb gets no further than its number of processes', async () => {
    const spec = containerSpec(image, { command: 'for i in $(seq 100); do sleep 1000 & done; echo never' });
    const { container, lines } = await start({ ...spec, limits: { ...spec.limits, pids: 12 } });
    await lines.until("can't fork");
    expect(container.stats()?.pids).toBeLessThanOrEqual(12);
    await container.delete();
  });

  test('open files and processor shares are as told', async () => {
    const spec = containerSpec(image, {
      command: 'ulimit -n; ulimit -c; grep -h . /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/cpu.weight 2>/dev/null',
    });
    const { lines } = await runToEnd(garden, { ...spec, limits: { ...spec.limits, nofile: 777, cpuShares: 128 } });
    expect(lines[0]).toBe('777');
    expect(lines[1]).toBe('0');
    expect(['128', '5']).toContain(lines[2]);
  });

  test('figures are of the container', async () => {
    const { container, lines } = await start(
      containerSpec(image, { command: 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo ready; sleep 1000' }),
    );
    await lines.until('ready');
    const stats = container.stats();
    expect(stats?.memoryLimitBytes).toBe(64 * 1024 * 1024);
    expect(stats?.memoryBytes).toBeGreaterThan(10_000);
    expect(stats?.memoryBytes).toBeLessThan(64 * 1024 * 1024);
    expect(stats?.cpuNs).toBeGreaterThan(0n);
    expect([2, 3]).toContain(stats?.pids); // init and shell, and the sleep it is about to start
    await container.delete();
    expect(container.stats()).toBeUndefined();
  });
});

describe('images', () => {
  test('one FROM scratch with nothing but a program runs, without accounts, shell or libc', async () => {
    const scratch = await storeImage(garden, [
      { name: 'app', content: readFileSync('/usr/bin/tini-static'), mode: 0o755 },
    ]);
    const { lines, status } = await runToEnd(
      garden,
      containerSpec(scratch, { entrypoint: ['/app'], cmd: ['--version'] }),
    );
    expect(lines.join()).toContain('tini version');
    expect(status).toBe(0);
    expect(
      (await runToEnd(garden, containerSpec(scratch, { entrypoint: ['/app', '--version'], user: '65534:65534' })))
        .status,
    ).toBe(0);
  });

  test.each([
    ['', 'uid=0(root) gid=0(root)'],
    ['app', 'uid=1000(app) gid=1001(app) groups=44(logs)'],
    ['1000', 'uid=1000(app) gid=1001(app) groups=44(logs)'],
    ['app:logs', 'uid=1000(app) gid=44(logs)'],
    ['4242:4343', 'uid=4242 gid=4343'],
  ])('the user %j is %s', async (user, expected) => {
    const { lines } = await runToEnd(garden, containerSpec(image, { cmd: ['id'], user }));
    expect(lines[0]?.startsWith(expected)).toBe(true);
  });

  test('a working directory is made when the image has none', async () => {
    const { lines } = await runToEnd(
      garden,
      containerSpec(image, { command: 'pwd; stat -c %u .', workdir: '/srv/new/dir' }),
    );
    expect(lines).toEqual(['/srv/new/dir', '0']);
  });

  test('/etc/hosts, /etc/hostname and /etc/resolv.conf are the container own, also where the image has links', async () => {
    const linked = await storeImage(
      garden,
      busyboxImage([{ name: 'etc/resolv.conf', type: '2', link: '../run/systemd/resolve/stub.conf' }]),
    );
    const spec = containerSpec(
      linked,
      {
        command:
          'hostname; cat /etc/hostname /etc/resolv.conf; grep web-1 /etc/hosts; echo 192.0.2.1 x >> /etc/hosts && echo writable',
      },
      { hostname: 'web-1' },
    );
    const { lines, container } = await runToEnd(garden, spec);
    expect(lines.slice(0, 3)).toEqual(['web-1', 'web-1', 'nameserver 192.0.2.53']);
    expect(lines).toContain(`${container.address}\tweb-1`);
    expect(lines.at(-1)).toBe('writable');
  });

  test('root can do what stock images do at their start: chown, drop to a user, bind port 80', async () => {
    const command =
      'set -e; touch /tmp/f; chown app:logs /tmp/f; stat -c %U:%G /tmp/f; su app -c "id -u"; httpd -p 80 && echo listening';
    expect((await runToEnd(garden, containerSpec(image, { command }))).lines).toEqual([
      'app:logs',
      '1000',
      'listening',
    ]);
    expect(
      (await runToEnd(garden, containerSpec(image, { command: 'httpd -p 80 && echo listening', user: 'app' }))).lines,
    ).toEqual(['listening']);
  });

  test.each([
    [{ cmd: ['nothing'] }, 'PROCESS_EXECUTABLE_NOT_FOUND'],
    [{}, 'PROCESS_NO_COMMAND'],
    [{ cmd: ['sh'], user: 'nobody' }, 'USER_NOT_FOUND'],
    [{ cmd: ['sh'], user: '2147483648' }, 'USER_INVALID'],
    [{ cmd: ['sh'], workdir: '/proc/self/fd/8' }, 'PROCESS_WORKDIR_INVALID'],
  ])('%j is refused and leaves nothing', async (process, code) => {
    const spec = containerSpec(image, process);
    await expect(garden.create(spec)).rejects.toMatchObject({ code, name: 'GardenError' });
    expect(garden.container(spec.handle)).toBeUndefined();
    expect(await garden.sweep()).toEqual({ containers: [], devices: [], failed: new Map() });
  });

  test('an image with a link where the runtime would mount is refused', async () => {
    const hostile = await storeImage(garden, busyboxImage([{ name: 'proc', type: '2', link: '/tmp' }]));
    await expect(garden.create(containerSpec(hostile, { cmd: ['sh'] }))).rejects.toMatchObject({
      code: 'IMAGE_MOUNT_POINT_INVALID',
    });
  });
});

describe('handles', () => {
  test('one can be used once at a time', async () => {
    const spec = containerSpec(image, { command: 'sleep 1000' });
    const making = garden.create(spec);
    await expect(garden.create(spec)).rejects.toMatchObject({ code: 'CONTAINER_EXISTS' });
    const container = await making;
    await expect(garden.create(spec)).rejects.toMatchObject({ code: 'CONTAINER_EXISTS' });
    await container.delete();
    await container.delete();
    const again = await garden.create(spec);
    await expect(again.start().then(async () => await again.start())).rejects.toMatchObject({
      code: 'CONTAINER_STATE',
    });
    await again.delete();
    expect((await again.exited).status).toBe(137);
  });

  test.each(['', '../x', 'a/b', '.x', 'x'.repeat(65), 'a\n'])('%j is none', async (handle) => {
    await expect(garden.create({ ...containerSpec(image, { cmd: ['sh'] }), handle })).rejects.toMatchObject({
      code: 'CONTAINER_HANDLE_INVALID',
    });
  });
});

test('disk use is that of the writable layer, however many files it has', async () => {
  const { container, lines } = await start(
    containerSpec(image, {
      command: 'dd if=/dev/zero of=/big bs=1M count=3 2>/dev/null; echo one; sleep 1000',
    }),
  );
  await lines.until('one');
  await container.measureDisk();
  expect(container.stats()?.diskBytes).toBeGreaterThanOrEqual(3 * 1024 * 1024);
  expect(container.stats()?.diskBytes).toBeLessThan(4 * 1024 * 1024);
  await container.delete();
  const many = await start(
    containerSpec(image, { command: 'mkdir /d; for i in $(seq 700); do echo x > /d/$i; done; echo two; sleep 1000' }),
  );
  await many.lines.until('two');
  await many.container.measureDisk();
  expect(many.container.stats()?.diskBytes).toBeGreaterThanOrEqual(700 * 4096);
  await many.container.delete();
});

test('the process may be made of the address, and annotations may change', async () => {
  const spec = containerSpec(image, {}, { annotations: { step: 1 } });
  const container = await garden.create({
    ...spec,
    process: ({ address }) => ({
      entrypoint: [],
      cmd: ['sh', '-c', 'echo $ME'],
      workdir: '',
      user: '',
      imageEnv: [],
      env: { ME: address },
    }),
  });
  container.annotate({ step: 2 });
  const lines = new Lines();
  container.readLogs(lines.sink);
  await container.start();
  await lines.until(container.address);
  expect(container.annotations).toEqual({ step: 2 });
  expect(readFileSync(`${options.dataDir}/containers/${container.handle}/container.json`, 'utf8')).toContain(
    '"step":2',
  );
  await container.delete();
});

test('a container can be given up while it is made', async () => {
  for (const afterMs of [0, 2, 10, 25]) {
    const spec = containerSpec(image, { command: 'sleep 1000' });
    const controller = new AbortController();
    const making = garden.create(spec, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('moved away')), afterMs);
    const outcome = await making.then(
      (container) => container,
      (error) => error,
    );
    if (outcome instanceof GardenError) expect(outcome.code).toBe('CANCELLED');
    else await outcome.delete();
  }
  expect(await garden.sweep()).toEqual({ containers: [], devices: [], failed: new Map() });
});

test('a status that nobody saw is told as lost', async () => {
  const { container, lines } = await start(containerSpec(image, { command: 'echo ready; sleep 1000' }));
  await lines.until('ready');
  const record = JSON.parse(readFileSync(`${options.dataDir}/containers/${container.handle}/container.json`, 'utf8'));
  process.kill(record.conmon.pid, 'SIGKILL');
  container.signal('SIGKILL');
  expect(await container.exited).toMatchObject({ status: null });
  await container.delete();
});

test('a cell can be open once', async () => {
  await expect(openCell(options)).rejects.toMatchObject({ code: 'CELL_LOCKED' });
});

test('a cell whose addresses another one has is refused, as long as that one is open', async () => {
  const second = testCell();
  onTestFinished(() => {
    for (const dir of [second.runDir, second.dataDir]) rmSync(dir, { recursive: true });
  });
  // A part of its subnet.
  const subnet = options.subnet.replace('/26', '/28');
  await expect(openCell({ ...second, subnet })).rejects.toMatchObject({
    code: 'CELL_CONFIG_INVALID',
    message: expect.stringContaining(`needs others than ${subnet}`),
  });
});

test('a cell of the same name with its data elsewhere touches nothing of it', async () => {
  const { container, lines } = await start(containerSpec(image, { command: 'echo ready; sleep 1000' }));
  await lines.until('ready');
  const dataDir = mkdtempSync(join(tmpdir(), 'garden-cell-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  await expect(openCell({ ...options, dataDir })).rejects.toMatchObject({
    code: 'CELL_LOCKED',
    message: expect.stringContaining(`Another cell called ${options.cell} is open`),
  });
  expect(container.exit).toBeUndefined();
  container.signal('SIGKILL');
  expect(await container.exited).toMatchObject({ status: 137 });
  await container.delete();
});
