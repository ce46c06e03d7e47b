import {
  type BuiltImage,
  buildImage,
  buildLayer,
  pushImage,
  type RegistryProcess,
  startRegistry,
} from '@slipway/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseReference } from '../reference.ts';
import { RegistryCredentials } from './credentials.ts';
import { DocumentCache, type SharedDocument } from './document-cache.ts';
import { closing } from './hostile-pull.test-support.ts';
import { RegistryClient, type RepositoryAccess } from './registry-client.ts';
import { type InspectedImage, inspectImage } from './resolve.ts';
import { SharedFlights } from './shared-flight.ts';

const platform = { os: 'linux', architecture: 'amd64' };
const account = { username: 'bob', password: 'builder' };
const bob = new RegistryCredentials('bob', 'builder');
const image = (seed: string): BuiltImage => buildImage({ layers: [buildLayer([{ name: 'seed', content: seed }])] });

let open: RegistryProcess;
let closed: RegistryProcess;
beforeAll(async () => {
  open = await startRegistry();
  closed = await startRegistry({ auth: { kind: 'token', ...account } });
});
afterAll(() => Promise.all([open?.stop(), closed?.stop()]));

function sharing(maxBytes = 1_000_000): { client: RegistryClient; documents: DocumentCache } {
  const documents = new DocumentCache({ maxBytes });
  const client = new RegistryClient({ documents, retries: { baseMs: 1, capMs: 2 } });
  closing.push(() => client.close());
  return { client, documents };
}

function inspect(client: RegistryClient, text: string, access: RepositoryAccess = {}): Promise<InspectedImage> {
  const reference = parseReference(text);
  return inspectImage(client.repository(reference, access), reference, { platform });
}

/** What a registry was asked. */
async function requestsTo(registry: RegistryProcess, from: number): Promise<string[]> {
  return (await registry.asked()).slice(from).map((line) => line.replace(/ \d+$/, ''));
}

test('builds that were requested before the answer share it: each document is asked for once', async () => {
  const { client } = sharing();
  const { reference } = await pushImage(open, 'shared/app', 'v1', image('shared'));
  const [before, freshSince] = [(await open.asked()).length, Date.now()];
  const together = Array.from({ length: 20 }, () => inspect(client, reference, { freshSince }));
  const found = await Promise.all(together);
  found.push(await inspect(client, reference, { freshSince }));
  expect(new Set(found.map(({ manifestDigest }) => manifestDigest)).size).toBe(1);
  const { config } = image('shared');
  expect(await requestsTo(open, before)).toEqual([
    'GET /v2/shared/app/manifests/v1',
    `GET /v2/shared/app/blobs/${config.digest}`,
  ]);
});

test('a build sees what its tag means after it was requested, never before', async () => {
  const { client } = sharing();
  const [first, second] = [image('first'), image('second')];
  const { reference } = await pushImage(open, 'moving', 'v1', first);
  const early = Date.now();
  expect((await inspect(client, reference, { freshSince: early })).manifestDigest).toBe(first.manifest.digest);
  await pushImage(open, 'moving', 'v1', second);
  // A millisecond is the grain of the clock.
  await expect.poll(() => Date.now()).toBeGreaterThan(early + 1);
  expect((await inspect(client, reference, { freshSince: Date.now() })).manifestDigest).toBe(second.manifest.digest);
  expect((await inspect(client, reference)).manifestDigest).toBe(second.manifest.digest);
});

test('what one has read with his credentials nobody gets without reading it with his own', async () => {
  const { client } = sharing();
  const { reference, digest } = await pushImage(closed, 'private', 'v1', image('private'), { credentials: account });
  const freshSince = Date.now();
  await inspect(client, reference, { credentials: bob, freshSince });
  const byDigest = reference.replace(':v1', `@${digest}`);
  for (const text of [reference, byDigest]) {
    for (const credentials of [
      undefined,
      new RegistryCredentials('bob', 'wrong'),
      new RegistryCredentials('eve', 'builder'),
    ]) {
      await expect(inspect(client, text, { credentials, freshSince })).rejects.toMatchObject({
        code: 'REGISTRY_UNAUTHORIZED',
      });
    }
  }
});

test('a reference by digest is asked for anew by each later build: the access may have ended', async () => {
  const { client } = sharing();
  const { reference, digest } = await pushImage(open, 'pinned', 'v1', image('pinned'));
  const before = (await open.asked()).length;
  const text = reference.replace(':v1', `@${digest}`);
  await inspect(client, text);
  await expect.poll(() => Date.now()).toBeGreaterThan(Date.now());
  await inspect(client, text);
  const asked = await requestsTo(open, before);
  expect(asked.filter((line) => line.includes('/manifests/'))).toHaveLength(2);
  expect(asked.filter((line) => line.includes('/blobs/'))).toHaveLength(1);
});

test('all who share a request hear what happens, and one who gives up does not end it for the others', async () => {
  const { client } = sharing();
  const { reference } = await pushImage(open, 'told', 'v1', image('told'));
  const freshSince = Date.now();
  const [mine, other]: string[][] = [[], []];
  const leaving = new AbortController();
  const parsed = parseReference(reference);
  const left = client
    .repository(parsed, { freshSince, onStep: (text) => mine?.push(text) })
    .getManifest('v1', { phase: 'resolve', signal: leaving.signal });
  const stays = client
    .repository(parsed, { freshSince, onStep: (text) => other?.push(text) })
    .getManifest('v1', { phase: 'resolve' });
  leaving.abort(new Error('cancelled'));
  await expect(left).rejects.toThrow('cancelled');
  expect((await stays).digest).toBe(image('told').manifest.digest);
  expect(other?.[0]).toBe(`${open.address} is being asked for manifest told:v1 already, for another build`);
  expect(other?.some((step) => step.startsWith(`${open.address} answered 200`))).toBe(true);
});

test('the last who gives up ends the work, and who comes then begins it anew', async () => {
  const flights = new SharedFlights<string>();
  const leaving = new AbortController();
  const ended = Promise.withResolvers<void>();
  const first = flights.join('a', { signal: leaving.signal, onStep: () => undefined }, async (signal) => {
    signal.addEventListener('abort', () => ended.resolve());
    await ended.promise;
    throw signal.reason;
  });
  leaving.abort(new Error('cancelled'));
  await expect(first).rejects.toThrow('cancelled');
  await ended.promise;
  const second = await flights.join('a', { signal: undefined, onStep: () => undefined }, async () => 'anew');
  expect(second.value).toBe('anew');
});

test('the documents kept never take more than their room, and those used last stay', async () => {
  const document = (size: number): SharedDocument => ({
    body: Buffer.alloc(size),
    contentType: undefined,
    link: undefined,
    url: new URL('https://r.example.com'),
  });
  const caller = { signal: undefined, onStep: () => undefined };
  const read = fc.record({ name: fc.integer({ min: 0, max: 30 }), size: fc.nat(30_000) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(read, { maxLength: 60 }),
      fc.integer({ min: 5_000, max: 60_000 }),
      async (reads, maxBytes) => {
        const documents = new DocumentCache({ maxBytes });
        const sizes = new Map<number, number>();
        for (const { name, size } of reads) {
          const wanted = sizes.get(name) ?? size;
          sizes.set(name, wanted);
          const got = await documents.get(
            'owner',
            `${name}`,
            undefined,
            { ...caller, onKept: () => undefined },
            async () => document(wanted),
          );
          expect(got.body.length).toBe(wanted);
          expect(documents.bytes).toBeLessThanOrEqual(maxBytes);
          expect(documents.bytes).toBeGreaterThanOrEqual(0);
        }
      },
    ),
    { numRuns: 50 },
  );
  const documents = new DocumentCache({ maxBytes: 25_000 });
  let fetched = 0;
  const get = (path: string): Promise<SharedDocument> =>
    documents.get('owner', path, undefined, { ...caller, onKept: () => undefined }, async () => {
      fetched += 1;
      return document(10_000);
    });
  for (const path of ['a', 'b', 'a', 'c', 'a', 'b']) await get(path);
  expect(fetched).toBe(4);
});
