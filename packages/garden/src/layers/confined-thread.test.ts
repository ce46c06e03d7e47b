// @module-tag root
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_LAYER_LIMITS } from '../tar/limits.ts';
import { writeTar } from '../tar/tar-writer.test-support.ts';
import { expectConfinement } from './canary.test-support.ts';
import { identifyDirectory } from './confine.ts';
import type { ProbeAnswers } from './confined-probe-worker.test-support.ts';
import { sha256 } from './digest.test-support.ts';
import { sealHost } from './sealed-host.test-support.ts';
import { unpackLayer } from './unpack-layer.ts';

// docs/security.md says what a running unpacker is and can do; this holds it to that.

let dir: string;
beforeAll(() => {
  dir = sealHost();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SYS_ADMIN, MKNOD and SETFCAP. */
const KEPT = [0, 1, 3, 4, 21, 27, 31].reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);

const field = (status: string, name: string): string =>
  new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? 'missing';
const task = (tid: string, file: string): string => join('/proc/self/task', tid, file);
const tasks = (): string[] => readdirSync('/proc/self/task');

test('a running unpacker has a root, a network and capabilities of its own; the process around it keeps its', async () => {
  await expectConfinement(dir);
  const directory = mkdtempSync(join(dir, 'layer-'));
  const main = readFileSync('/proc/self/status', 'utf8');
  const tar = writeTar([{ name: 'first', content: 'x' }]);
  const { promise: looked, resolve: goOn } = Promise.withResolvers<void>();
  async function* source(): AsyncGenerator<Uint8Array> {
    yield tar.subarray(0, 1024);
    await looked;
    yield tar.subarray(1024);
  }
  const order = {
    directory,
    digest: sha256(tar),
    diffId: sha256(tar),
    size: tar.length,
    limits: DEFAULT_LAYER_LIMITS,
  };
  const unpacked = unpackLayer(order, source(), {
    signal: new AbortController().signal,
    onBytes: () => undefined,
  });
  try {
    // From here on it has written: it is confined, and waits for the rest.
    await expect.poll(() => existsSync(join(directory, 'first'))).toBe(true);
    const confined = tasks().filter((tid) => readlinkSync(task(tid, 'root')) === directory);
    expect(confined).toHaveLength(1);
    const [tid = ''] = confined;
    const status = readFileSync(task(tid, 'status'), 'utf8');
    for (const set of ['CapEff', 'CapPrm']) expect(BigInt(`0x${field(status, set)}`)).toBe(KEPT);
    for (const set of ['CapInh', 'CapAmb']) expect(BigInt(`0x${field(status, set)}`)).toBe(0n);
    expect([field(status, 'NoNewPrivs'), field(status, 'Seccomp')]).toEqual(['1', '2']);
    expect(readlinkSync(task(tid, 'cwd'))).toBe(directory);
    // Its network has a loopback device that is down, and nothing else.
    const devices = readFileSync(task(tid, 'net/dev'), 'utf8').trim().split('\n').slice(2);
    expect(devices.map((line) => line.trim().split(':')[0])).toEqual(['lo']);
    expect(readFileSync(task(tid, 'net/route'), 'utf8').trim().split('\n')).toHaveLength(1);

    const others = tasks().filter((each) => each !== tid);
    const own = readlinkSync('/proc/self/ns/net');
    expect(readlinkSync(task(tid, 'ns/net'))).not.toBe(own);
    for (const other of others) {
      expect([readlinkSync(task(other, 'root')), readlinkSync(task(other, 'ns/net'))]).toEqual(['/', own]);
    }
    const now = readFileSync('/proc/self/status', 'utf8');
    for (const name of ['CapEff', 'CapPrm', 'NoNewPrivs', 'Seccomp', 'Umask']) {
      expect(field(now, name)).toBe(field(main, name));
    }
    expect(await readdir('/')).toEqual(readdirSync('/'));
  } finally {
    goOn();
    await unpacked;
  }
  expect(tasks().every((each) => readlinkSync(task(each, 'root')) === '/')).toBe(true);
});

test('a confined thread is refused sockets, programs, mounts, namespaces and devices by the kernel', async () => {
  const directory = mkdtempSync(join(dir, 'probe-'));
  const order = { directory, layerRoot: identifyDirectory(directory), hostRoot: identifyDirectory('/') };
  const worker = new Worker(new URL('./confined-probe-worker.test-support.ts', import.meta.url), { workerData: order });
  const answers = await new Promise<ProbeAnswers>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  await worker.terminate();
  // EPERM for each of them; with arguments that make no sense, so that none does anything where it is not refused.
  expect(Object.entries(answers.denied).filter(([, errno]) => errno !== 1)).toEqual([]);
  expect(Object.keys(answers.denied)).toEqual(expect.arrayContaining(['socket', 'execve', 'mount', 'setns', 'ptrace']));
  expect(answers.nodes).toEqual({ whiteout: 0, null: 1, disk: 1, nothing: 0 });
  expect(answers.listing).toEqual(['nothing', 'whiteout']);
  expect(readdirSync(directory).sort()).toEqual(['nothing', 'whiteout']);
});

test('a process that does nothing async before it unpacks does not get its file system from the layer afterwards', () => {
  const directory = mkdtempSync(join(dir, 'first-'));
  const here = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
  const script = `
    import { readdirSync, readFileSync } from 'node:fs';
    import { gzipSync } from 'node:zlib';
    import { writeTar } from ${here('../tar/tar-writer.test-support.ts')};
    import { DEFAULT_LAYER_LIMITS } from ${here('../tar/limits.ts')};
    import { sha256 } from ${here('./digest.test-support.ts')};
    import { unpackLayer } from ${here('./unpack-layer.ts')};
    const names = readdirSync('/proc/self/task').map((tid) => readFileSync('/proc/self/task/' + tid + '/comm', 'utf8'));
    const pool = names.filter((name) => name.startsWith('libuv-worker')).length;
    const tar = writeTar([{ name: 'in-the-layer', content: 'x' }]);
    const blob = gzipSync(tar);
    const limits = DEFAULT_LAYER_LIMITS;
    const order = { directory: ${JSON.stringify(directory)}, digest: sha256(blob), diffId: sha256(tar), size: blob.length, limits };
    async function* source() { yield blob; }
    await unpackLayer(order, source(), { signal: new AbortController().signal, onBytes: () => undefined });
    const { readdir } = await import('node:fs/promises');
    console.log(JSON.stringify({ pool, sync: readdirSync('/'), async: await readdir('/') }));
  `;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
    cwd: dir,
  });
  const seen = JSON.parse(output) as { pool: number; sync: string[]; async: string[] };
  expect(seen.pool).toBe(0);
  expect(seen.async).toEqual(seen.sync);
  expect(readdirSync(directory)).toEqual(['in-the-layer']);
});
