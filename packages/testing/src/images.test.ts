import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseImageConfig, parseManifestDocument } from '@slipway/oci';
import { request } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { buildImage, buildIndex, buildLayer } from './image-builder.ts';
import { run } from './run-command.test-support.ts';
import { SAMPLE_PORTS, sampleImage } from './sample-image.ts';

test.each(['oci', 'docker'] as const)(
  'images and indexes of the %s kind are what the parser of the product takes',
  (format) => {
    const layer = buildLayer([{ name: 'a', content: 'a' }]);
    const image = buildImage({ format, layers: [layer], config: { Cmd: ['/a'] } });
    const index = buildIndex([image], { format, attestations: format === 'oci' });
    const manifest = parseManifestDocument(image.manifest.bytes, { header: image.manifest.mediaType });
    expect(manifest).toMatchObject({ kind: 'manifest', layers: [{ digest: layer.digest, size: layer.size }] });
    expect(parseImageConfig(image.config.bytes)).toMatchObject({ cmd: ['/a'], diffIds: [layer.diffId] });
    const parsed = parseManifestDocument(index.manifest.bytes, { header: index.manifest.mediaType });
    expect(parsed).toMatchObject({ kind: 'index', entries: [{ digest: image.manifest.digest }] });
  },
);

test('the sample has the same digest each time, and all that an image can have', async () => {
  const [first, second] = [await sampleImage(), await sampleImage()];
  expect(first.manifest.digest).toBe(second.manifest.digest);
  const config = parseImageConfig(first.config.bytes);
  expect(config).toMatchObject({ entrypoint: ['serve'], cmd: ['www'], user: 'web', workingDir: '/srv' });
  expect(config.exposedPorts).toEqual(SAMPLE_PORTS.map((port) => ({ port, protocol: 'tcp' })));
  expect(config.env.length).toBeGreaterThan(2);
  expect(first.layers.length).toBe(3);
});

/** Unpacks the sample with GNU tar and starts it in a chroot, where the platform would start it in a container. */
async function startSample(env: Readonly<Record<string, string>>) {
  const root = await mkdtemp(join(tmpdir(), 'slipway-sample-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const image = await sampleImage();
  for (const [i, { bytes }] of image.layers.entries()) {
    const file = join(root, `layer${i}.tar.gz`);
    await writeFile(file, bytes);
    await run('tar', ['-xzpf', file, '-C', root]);
    await rm(file);
  }
  await run('sh', ['-c', 'mkdir dev && mknod -m 666 dev/null c 1 3 && chmod 755 .'], { cwd: root });
  const { env: imageEnv } = parseImageConfig(image.config.bytes);
  const child = spawn(
    '/usr/sbin/chroot',
    ['--userspec=1000:1000', root, '/bin/sh', '-c', 'cd /srv && exec serve www'],
    {
      env: { ...Object.fromEntries(imageEnv.map((each) => each.split(/=(.*)/s).slice(0, 2))), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = { out: [] as string[], err: [] as string[] };
  createInterface({ input: child.stdout }).on('line', (line) => lines.out.push(line));
  createInterface({ input: child.stderr }).on('line', (line) => lines.err.push(line));
  return { root, child, lines, exited: once(child, 'exit') };
}

const get = async (url: string): Promise<{ status: number; body: string }> => {
  const { statusCode, body } = await request(url);
  return { status: statusCode, body: await body.text() };
};

/** Whether somebody listens there. */
const listens = async (port: number): Promise<boolean> => {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
};

/** Ports that nobody has at the moment. */
async function freePorts(): Promise<{ PORT: string; SECOND_PORT: string }> {
  const servers = [createServer().listen(0, '127.0.0.1'), createServer().listen(0, '127.0.0.1')];
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const [first = '', second = ''] = servers.map((server) => String((server.address() as AddressInfo).port));
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return { PORT: first, SECOND_PORT: second };
}

// chroot and mknod want root.
test('the sample serves on both ports, logs to both streams, and ends at SIGTERM', { tags: 'root' }, async () => {
  const ports = await freePorts();
  const { root, child, lines, exited } = await startSample({ ...ports, CF_INSTANCE_INDEX: '3' });
  for (const port of [ports.PORT, ports.SECOND_PORT]) {
    await expect.poll(() => listens(Number(port)), { timeout: 30_000 }).toBe(true);
    const { status, body } = await get(`http://127.0.0.1:${port}/`);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({
      greeting: 'hello from Slipway',
      index: '3',
      port: ports.PORT,
      user: '1000:1000',
      directory: '/srv',
    });
  }
  expect(await get(`http://127.0.0.1:${ports.PORT}/version.txt`)).toEqual({ status: 200, body: '2\n' });
  expect((await get(`http://127.0.0.1:${ports.PORT}/cgi-bin/env`)).body).toContain('QUOTED="$1" \'two\'\n');
  expect(await readFile(join(root, 'srv/www/.wh.draft.txt'), 'utf8')).toBe('');
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
  expect(lines.out).toContain(`hello from Slipway: instance 3 listens on ${ports.PORT} and ${ports.SECOND_PORT}`);
  expect(lines.out).toContain('GET / from 127.0.0.1');
  expect(lines.out.at(-1)).toBe('asked to stop');
  expect(lines.err).toContain('errors of instance 3 go to stderr');
});

test('the sample can be asked to crash, and then leaves nobody behind', { tags: 'root' }, async () => {
  const ports = await freePorts();
  const { exited } = await startSample(ports);
  for (const port of [ports.PORT, ports.SECOND_PORT]) {
    await expect.poll(() => listens(Number(port)), { timeout: 30_000 }).toBe(true);
  }
  expect((await get(`http://127.0.0.1:${ports.PORT}/cgi-bin/crash`)).body).toBe('crashing\n');
  expect(await exited).toEqual([42, null]);
  // httpd forks for each connection, and a child that has not run yet holds the port for a moment longer.
  await expect.poll(() => listens(Number(ports.SECOND_PORT)), { timeout: 30_000 }).toBe(false);
});
