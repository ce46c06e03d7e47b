import { request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildImage, buildLayer, pushImage, type RegistryHandle } from '../src/index.ts';

const image = buildImage({ layers: [buildLayer([{ name: 'a', content: 'a' }])] });

async function statusOf(registry: RegistryHandle, path: string): Promise<number> {
  const { statusCode, body } = await request(`http://${registry.address}${path}`, {
    headers: { accept: image.manifest.mediaType },
  });
  await body.dump();
  return statusCode;
}

/** What a registry must do, however it was started. */
export function registryContract(start: () => Promise<RegistryHandle>): void {
  let registry: RegistryHandle;
  let stopped = false;
  beforeAll(async () => {
    registry = await start();
  }, 180_000);
  afterAll(async () => {
    if (!stopped) await registry.stop();
  });

  test('it is ready when it is returned, and says where and what it is', async () => {
    expect(await statusOf(registry, '/v2/')).toBe(200);
    expect(registry.address).toBe(`${registry.host}:${registry.port}`);
    expect(registry.reason).toMatch(registry.kind === 'container' ? /in a container/ : /plain process/);
  });

  test('what was pushed is there by its tag, its digest and its blobs', async () => {
    const pushed = await pushImage(registry, 'some/app', 'v1', image);
    expect(pushed).toEqual({ reference: `${registry.address}/some/app:v1`, digest: image.manifest.digest });
    const { statusCode, headers, body } = await request(`http://${registry.address}/v2/some/app/manifests/v1`, {
      headers: { accept: image.manifest.mediaType },
    });
    expect(statusCode).toBe(200);
    expect(headers['docker-content-digest']).toBe(image.manifest.digest);
    expect(Buffer.from(await body.arrayBuffer())).toEqual(Buffer.from(image.manifest.bytes));
    expect(await statusOf(registry, `/v2/some/app/manifests/${image.manifest.digest}`)).toBe(200);
    for (const { digest } of image.blobs) {
      expect(await statusOf(registry, `/v2/some/app/blobs/${digest}`)).toBe(200);
    }
  });

  test('what was not pushed is not there', async () => {
    expect(await statusOf(registry, '/v2/some/other/manifests/v1')).toBe(404);
    expect(await statusOf(registry, `/v2/some/other/blobs/sha256:${'0'.repeat(64)}`)).toBe(404);
  });

  test('when it is stopped nobody answers any more', async () => {
    await registry.stop();
    stopped = true;
    await expect(statusOf(registry, '/v2/')).rejects.toThrow(/ECONNREFUSED|ECONNRESET|other side closed/);
  });
}
