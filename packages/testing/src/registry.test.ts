import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { request } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { registryContract } from '../testing/registry-contract.ts';
import { dockerEngineAnswers } from './docker-engine.ts';
import { buildImage, buildLayer } from './image-builder.ts';
import { pushImage } from './image-push.ts';
import { startAnyRegistry } from './registry.ts';
import { startRegistryContainer } from './registry-container.ts';
import type { RegistryHandle } from './registry-handle.ts';
import { startRegistry } from './registry-process.ts';

const image = buildImage({ layers: [buildLayer([{ name: 'a', content: 'a' }])] });

async function statusOf(registry: RegistryHandle, path: string): Promise<number> {
  const { statusCode, body } = await request(`http://${registry.address}${path}`, {
    headers: { accept: image.manifest.mediaType },
  });
  await body.dump();
  return statusCode;
}

describe('a plain process', () => registryContract(startRegistry));

describe('a container', { tags: 'docker' }, () => registryContract(startRegistryContainer));

test('a port and a directory can be given, and what was pushed is there after a restart', async () => {
  const storage = await mkdtemp(join(tmpdir(), 'registry-storage-'));
  onTestFinished(() => rm(storage, { recursive: true, force: true }));
  const first = await startRegistry({ storage });
  await pushImage(first, 'some/app', 'v1', image);
  await first.stop();
  const second = await startRegistry({ storage, port: first.port });
  onTestFinished(() => second.stop());
  expect(second.address).toBe(first.address);
  expect(await statusOf(second, '/v2/some/app/manifests/v1')).toBe(200);
});

test('a port that is taken is an error with what the registry says', async () => {
  const first = await startRegistry();
  onTestFinished(() => first.stop());
  await expect(startRegistry({ port: first.port })).rejects.toThrow(/address already in use/);
});

test.each([
  ['basic', { kind: 'basic', username: 'u', password: 'p' }],
  ['token', { kind: 'token', username: 'u', password: 'p' }],
] as const)('with %s authentication a push needs the password', async (_kind, auth) => {
  const registry = await startRegistry({ auth });
  onTestFinished(() => registry.stop());
  await expect(pushImage(registry, 'app', 'v1', image)).rejects.toThrow('401');
  const wrong = { username: 'u', password: 'wrong' };
  await expect(pushImage(registry, 'app', 'v1', image, { credentials: wrong })).rejects.toThrow('401');
  await pushImage(registry, 'app', 'v1', image, { credentials: { username: 'u', password: 'p' } });
});

test('the process dies with the one that started it, however that ends', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'registry-parent-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const script = `
    import { startRegistry } from ${JSON.stringify(new URL('./registry-process.ts', import.meta.url).href)};
    const { pid, address } = await startRegistry();
    console.log(JSON.stringify({ pid, address }));
  `;
  const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: import.meta.dirname,
    // A killed parent removes nothing.
    env: { ...process.env, TMPDIR: directory },
  });
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
  const { pid, address } = JSON.parse(line) as { pid: number; address: string };
  expect((await request(`http://${address}/v2/`)).statusCode).toBe(200);
  parent.kill('SIGKILL');
  await expect.poll(() => existsSync(`/proc/${pid}/exe`), { timeout: 30_000 }).toBe(false);
});

test('an engine is only one that answers as Docker does', async () => {
  expect(await dockerEngineAnswers({ DOCKER_HOST: 'unix:///nowhere.sock' })).toBe(false);
  const server = createServer((_request, response) => void response.end('NO'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  expect(await dockerEngineAnswers({ DOCKER_HOST: `tcp://127.0.0.1:${port}` })).toBe(false);
  server.removeAllListeners('request').on('request', (_request, response) => void response.end('OK'));
  expect(await dockerEngineAnswers({ DOCKER_HOST: `tcp://127.0.0.1:${port}` })).toBe(true);
});

test('any registry is a container or a process, works, and says why it is what it is', async () => {
  const registry = await startAnyRegistry();
  onTestFinished(() => registry.stop());
  expect(await statusOf(registry, '/v2/')).toBe(200);
  expect(registry.reason).toMatch(registry.kind === 'container' ? /in a container/ : /plain process/);
  await expect(startAnyRegistry({ SLIPWAY_TEST_REGISTRY: 'maybe' })).rejects.toThrow('"container" or "process"');
});
