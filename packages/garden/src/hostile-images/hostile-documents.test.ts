import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspectImage, parseReference, RegistryClient } from '@slipway/oci';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOSTILE_DOCUMENTS } from './corpus.test-support.ts';
import type { Documents, HostileDocuments } from './hostile-image.test-support.ts';

// Images whose documents are hostile, at a registry that is honest about what it sends: see packages/oci for those that lie.

let served: Documents = { manifests: {}, blobs: {} };
let asked: string[] = [];
let server: Server;
let client: RegistryClient;
let address: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const [, kind = '', name = ''] = /\/(manifests|blobs)\/([^/]+)$/.exec(request.url ?? '') ?? [];
    asked.push(`${kind} ${name}`);
    const manifest = kind === 'manifests' ? served.manifests[name] : undefined;
    const body = manifest?.bytes ?? served.blobs[name];
    if (body === undefined) response.writeHead(404).end();
    else response.writeHead(200, manifest?.mediaType ? { 'content-type': manifest.mediaType } : {}).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = new RegistryClient({ plainHttp: ['127.0.0.1'] });
});
afterAll(async () => {
  await client.close();
  server.close();
});

async function inspectDocuments(image: HostileDocuments): Promise<unknown> {
  served = image.documents();
  asked = [];
  const reference = parseReference(`${address}/team/app:v1`);
  const platform = { os: 'linux', architecture: 'amd64' };
  return await inspectImage(client.repository(reference), reference, { platform }).catch((error: unknown) => error);
}

describe.each(HOSTILE_DOCUMENTS)('$title', ({ images }) => {
  test.each(images.filter((image) => image.kind === 'documents'))('$name', async (image) => {
    const outcome = await inspectDocuments(image);
    if ('refused' in image.expect) {
      expect(outcome).toMatchObject({ code: image.expect.refused });
      // One line of text, whatever the document says.
      expect((outcome as Error).message).toMatch(/^[^\p{Cc}\p{Cf}]{1,2100}$/u);
    } else expect(outcome).toMatchObject('read' in image.expect ? (image.expect.read as object) : {});
    // Nothing but what the image names was asked of the registry: no layer, and each document once.
    expect(asked.filter((each) => each.startsWith('blobs')).length).toBeLessThanOrEqual(1);
    expect(asked.length).toBeLessThanOrEqual(3);
  });
});
