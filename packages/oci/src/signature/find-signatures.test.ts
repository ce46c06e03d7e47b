import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type BuiltContent,
  type MadeSignature,
  messageBundle,
  pushImage,
  pushSignatureReferrers,
  pushSignatureTag,
  type RegistryProcess,
  signingKeys,
  signingPayload,
  simpleSignature,
  startRegistry,
  statementBundle,
} from '@slipway/testing';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { parseReference, type Reference } from '../reference.ts';
import { DocumentCache } from '../registry/document-cache.ts';
import { RegistryClient } from '../registry/registry-client.ts';
import { checkImageSignatures, type SignaturePolicy } from './image-signatures.ts';
import { pinned, policyOf, sampleImageOf, sampleIndexOf, searchFor } from './signed-image.test-support.ts';

let registry: RegistryProcess;
let client: RegistryClient;
beforeAll(async () => {
  registry = await startRegistry();
  client = new RegistryClient({ retries: { baseMs: 1, capMs: 2 } });
});
afterAll(async () => {
  await client.close();
  await registry.stop();
});

const keys = signingKeys();
const policy = policyOf(keys);
const at = (repository: string, host = registry.address): Reference => parseReference(`${host}/${repository}:v1`);

/** Pushes an image and what is said of it; returns the image. */
async function push(name: string, signatures: (image: BuiltContent) => readonly MadeSignature[], where = 'tag') {
  const image = sampleImageOf(name);
  await pushImage(registry, name, 'v1', image);
  const made = signatures(image.manifest);
  if (where === 'tag') await pushSignatureTag(registry, name, image.manifest.digest, made);
  else await pushSignatureReferrers(registry, name, image.manifest, made);
  return image;
}

describe('an image is accepted', () => {
  test.each<[string, string, (image: BuiltContent) => MadeSignature]>([
    ["a signature at cosign's tag", 'tag', ({ digest }) => simpleSignature(keys, { digest })],
    ['a signature that refers to it', 'referrer', ({ digest }) => simpleSignature(keys, { digest })],
    ['a bundle with a statement that refers to it', 'referrer', ({ digest }) => statementBundle(keys, digest)],
    ['a bundle of its own bytes that refers to it', 'referrer', (image) => messageBundle(keys, image)],
  ])('for %s, and again without the registry', async (name, where, make) => {
    const repository = `accepted/${name.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`;
    const image = await push(repository, (manifest) => [make(manifest)], where);
    const search = await searchFor(client, at(repository), policy);
    expect(search.error).toBeUndefined();
    expect(search.signatures?.proofs).toMatchObject([{ keyName: 'key-1', digest: image.manifest.digest }]);
    expect(search.signatures?.index).toBeUndefined();
    const accepted = checkImageSignatures(pinned(at(repository), search), policy);
    expect(accepted).toMatchObject({ key: { name: 'key-1' }, digest: image.manifest.digest });
    expect(search.steps.at(-1)).toMatch(/number 1: accepted, key "key-1" \(sha256:[0-9a-f]{64}\) signs sha256:/);
  });

  test('for a signature of the index that it was chosen from', async () => {
    const index = sampleIndexOf('index');
    await pushImage(registry, 'indexed', 'v1', index);
    const { digest } = index.manifest;
    await pushSignatureTag(registry, 'indexed', digest, [simpleSignature(keys, { digest })]);
    const search = await searchFor(client, at('indexed'), policy);
    expect(search.signatures?.proofs).toMatchObject([{ digest }]);
    expect(Buffer.from(search.signatures?.index ?? '', 'base64')).toEqual(index.manifest.bytes);
    expect(checkImageSignatures(pinned(at('indexed'), search), policy).digest).toBe(digest);
  });

  test('for a signature of its manifest alone, though an index leads to it', async () => {
    const index = sampleIndexOf('manifest of an index');
    await pushImage(registry, 'manifest-of-index', 'v1', index);
    const digest = index.images[1]?.manifest.digest ?? digestOf('');
    await pushSignatureTag(registry, 'manifest-of-index', digest, [simpleSignature(keys, { digest })]);
    const search = await searchFor(client, at('manifest-of-index'), policy);
    expect(search.signatures?.proofs).toMatchObject([{ digest }]);
    expect(checkImageSignatures(pinned(at('manifest-of-index'), search), policy).digest).toBe(digest);
  });

  test('for a good signature among bad ones', async () => {
    await push('mixed', ({ digest }) => [
      simpleSignature(signingKeys(), { digest }),
      simpleSignature(keys, { digest: digestOf('other') }),
      simpleSignature(keys, { digest }),
    ]);
    const search = await searchFor(client, at('mixed'), policy);
    expect(search.signatures?.proofs).toHaveLength(1);
    expect(search.steps.filter((step) => step.includes('not accepted'))).toHaveLength(2);
  });
});

test('each key that signed is kept, so that any of them may go', async () => {
  const [a, b, c] = [signingKeys(), signingKeys('rsa'), signingKeys('ed25519')];
  const image = await push('several', ({ digest }) => [simpleSignature(a, { digest }), simpleSignature(c, { digest })]);
  await pushSignatureReferrers(registry, 'several', image.manifest, [statementBundle(b, image.manifest.digest)]);
  const search = await searchFor(client, at('several'), policyOf(a, b, c));
  expect(search.signatures?.proofs.map(({ keyName }) => keyName)).toEqual(['key-1', 'key-3', 'key-2']);
  const droplet = pinned(at('several'), search);
  for (const rest of [a, b, c]) expect(checkImageSignatures(droplet, policyOf(rest)).key.name).toBe('key-1');
  expect(() => checkImageSignatures(droplet, policyOf(signingKeys()))).toThrow(/cf restage/);
});

describe('an image is refused', () => {
  const refusal = async (name: string, rule: SignaturePolicy = policy) => {
    const { error, steps } = await searchFor(client, at(name), rule);
    if (error === undefined) throw new Error('it was accepted');
    return { code: error.code, message: error.message, rejections: error.details.rejections ?? [], steps };
  };

  test('without signatures: the error names each place', async () => {
    const index = sampleIndexOf('unsigned');
    await pushImage(registry, 'unsigned', 'v1', index);
    const { code, message, steps } = await refusal('unsigned');
    expect(code).toBe('SIGNATURE_MISSING');
    for (const digest of [index.manifest.digest, index.images[1]?.manifest.digest ?? '']) {
      const hex = digest.slice('sha256:'.length);
      expect(message).toContain(`tag sha256-${hex}.sig: nothing`);
      expect(message).toContain(`tag sha256-${hex} (the registry has no /v2/unsigned/referrers/${digest}): nothing`);
      expect(steps.join('\n')).toContain(`asking ${registry.address} for signatures unsigned:sha256-${hex}.sig`);
    }
    expect(message).toContain('the key "key-1"');
  });

  test.each<[string, string, (image: BuiltContent) => MadeSignature]>([
    ['by another key', 'wrong-key', ({ digest }) => simpleSignature(signingKeys(), { digest })],
    ['by another kind of key', 'wrong-key', ({ digest }) => simpleSignature(signingKeys('ed25519'), { digest })],
    ['of another digest', 'wrong-digest', () => simpleSignature(keys, { digest: digestOf('another') })],
    [
      'whose payload was changed',
      'wrong-key',
      ({ digest }) => simpleSignature(keys, { digest }, signingPayload({ digest: digestOf('what was signed') })),
    ],
    ['of another type', 'malformed', ({ digest }) => simpleSignature(keys, { digest, type: 'x' })],
    [
      'in no base64 at all',
      'malformed',
      ({ digest }) => ({
        ...simpleSignature(keys, { digest }),
        annotations: { 'dev.cosignproject.cosign/signature': 'not/base64!' },
      }),
    ],
    ['that is missing', 'malformed', ({ digest }) => ({ ...simpleSignature(keys, { digest }), annotations: {} })],
  ])('with a signature %s', async (name, reason, make) => {
    const repository = `refused/${name.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`;
    await push(repository, (manifest) => [make(manifest)]);
    const { code, message, rejections } = await refusal(repository);
    expect(code).toBe('SIGNATURE_NOT_ACCEPTED');
    expect(rejections).toMatchObject([{ code: reason, foundAt: expect.stringMatching(/^tag .*\.sig, number 1$/) }]);
    expect(message).toContain(rejections[0]?.reason);
  });

  test('with an attestation of a trusted key that is no signature of it', async () => {
    const attest = ({ digest }: BuiltContent) => [statementBundle(keys, digest, 'https://spdx.dev/Document')];
    await push('attested', attest, 'referrer');
    const { code, rejections } = await refusal('attested');
    expect(code).toBe('SIGNATURE_NOT_ACCEPTED');
    expect(rejections).toMatchObject([{ code: 'malformed', reason: expect.stringContaining('spdx.dev') }]);
  });

  test('with a payload that is larger than any', async () => {
    const huge = ({ digest }: BuiltContent) => [simpleSignature(keys, { digest, reference: 'x'.repeat(20_000) })];
    await push('huge', huge);
    const { rejections } = await refusal('huge');
    expect(rejections).toMatchObject([
      { code: 'unreadable', reason: expect.stringMatching(/it has \d+ bytes; at most/) },
    ]);
  });

  test('when its index is too large for the cells to keep, and only that is signed', async () => {
    const small = sampleIndexOf('large');
    const document = JSON.parse(small.manifest.bytes.toString()) as { annotations?: object };
    document.annotations = { padding: 'x'.repeat(70_000) };
    const bytes = Buffer.from(JSON.stringify(document));
    const manifest = { mediaType: small.manifest.mediaType, digest: digestOf(bytes), size: bytes.length, bytes };
    await pushImage(registry, 'large', 'v1', { ...small, manifest });
    await pushSignatureTag(registry, 'large', manifest.digest, [simpleSignature(keys, { digest: manifest.digest })]);
    const { rejections } = await refusal('large');
    expect(rejections).toMatchObject([{ code: 'too-large', reason: expect.stringContaining("sign the image's own") }]);
    const digest = small.images[1]?.manifest.digest ?? digestOf('');
    await pushSignatureTag(registry, 'large', digest, [simpleSignature(keys, { digest })]);
    expect((await searchFor(client, at('large'), policy)).signatures?.proofs).toMatchObject([{ digest }]);
  });

  test('whose signature names another repository, when the policy asks for that', async () => {
    const elsewhere = 'registry.test/team/app';
    await push('named', ({ digest }) => [simpleSignature(keys, { digest, reference: elsewhere })]);
    const { rejections } = await refusal('named', { ...policy, matchRepository: true });
    expect(rejections).toMatchObject([{ code: 'wrong-repository', reason: expect.stringContaining(elsewhere) }]);
    const reference = `${registry.address}/named`;
    await push('named', ({ digest }) => [simpleSignature(keys, { digest, reference })]);
    expect((await searchFor(client, at('named'), { ...policy, matchRepository: true })).error).toBeUndefined();
  });
});

/** The registry behind a server that has the referrers API; `answer` may say something else first. */
async function withReferrersApi(
  answer: (path: string) => { readonly status?: number; readonly headers?: object; readonly body: Buffer } | undefined,
): Promise<string> {
  const server = createServer((request, response) => {
    const own = answer(request.url ?? '');
    if (own !== undefined) {
      response.writeHead(own.status ?? 200, { ...own.headers }).end(own.body);
      return;
    }
    const { method, url: path, headers } = request;
    const upstream = httpRequest({ host: '127.0.0.1', port: registry.port, method, path, headers }, (from) => {
      response.writeHead(from.statusCode ?? 502, from.headers);
      from.pipe(response);
    });
    request.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const INDEX = { 'content-type': 'application/vnd.oci.image.index.v1+json' };

describe('a registry with the referrers API', () => {
  test('is asked there and not for the fallback tag, page by page', async () => {
    const made = ({ digest }: BuiltContent) => [statementBundle(signingKeys(), digest), statementBundle(keys, digest)];
    const image = await push('api', made, 'referrer');
    const index = await pushSignatureReferrers(registry, 'api-other', image.manifest, []);
    const { manifests } = JSON.parse(
      (await pushSignatureReferrers(registry, 'api', image.manifest, made(image.manifest))).bytes.toString(),
    ) as { manifests: object[] };
    const asked: string[] = [];
    const address = await withReferrersApi((path) => {
      asked.push(path);
      if (!path.includes('/referrers/')) return undefined;
      const second = path.endsWith('?page=2');
      const headers = second ? INDEX : { ...INDEX, link: '<http://elsewhere.invalid/x?page=2>; rel="next"' };
      const document = JSON.parse(index.bytes.toString()) as object;
      return { headers, body: Buffer.from(JSON.stringify({ ...document, manifests: [manifests[second ? 1 : 0]] })) };
    });
    const search = await searchFor(client, at('api', address), policy);
    expect(search.signatures?.proofs).toHaveLength(1);
    expect(search.signatures?.proofs[0]?.foundAt).toBe(
      `referrers /v2/api/referrers/${image.manifest.digest}, number 2`,
    );
    expect(asked).not.toContain(`/v2/api/manifests/sha256-${image.manifest.digest.slice(7)}`);
  });

  test.each<[string, { readonly status?: number; readonly headers?: object; readonly body: Buffer }, RegExp]>([
    ['is no JSON', { headers: INDEX, body: Buffer.from('<html>') }, /the list of referrers is not JSON/],
    [
      'names digests that are none',
      {
        headers: INDEX,
        body: Buffer.from('{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"../../etc","size":1}]}'),
      },
      /malformed at "manifests\.0\.digest"/,
    ],
    ['is endless', { headers: INDEX, body: Buffer.alloc(1024 * 1024 + 1, 0x20) }, /at most 1048576 are read/],
    ['is an error', { status: 500, body: Buffer.from('{}') }, /it answered 500/],
  ])('whose answer %s is named in a refusal that is not about the image', async (name, own, problem) => {
    const repository = `broken/${name.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`;
    await pushImage(registry, repository, 'v1', sampleImageOf(name));
    const address = await withReferrersApi((path) => (path.includes('/referrers/') ? own : undefined));
    const { error } = await searchFor(client, at(repository, address), policy);
    expect(error).toMatchObject({ code: 'SIGNATURE_LOOKUP_FAILED', kind: 'unavailable' });
    expect(error?.message).toMatch(problem);
  });

  test('that lists a thousand referrers is read for 32 of them, and for a signature at the tag of none', async () => {
    const image = await push('crowd', ({ digest }) => [simpleSignature(keys, { digest })]);
    const entry = (n: number) => ({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: digestOf(`${n}`),
      size: 2,
      artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    });
    const body = Buffer.from(
      JSON.stringify({ schemaVersion: 2, manifests: Array.from({ length: 1000 }, (_, n) => entry(n)) }),
    );
    let asked = 0;
    const address = await withReferrersApi((path) => {
      asked += 1;
      return path.includes('/referrers/') ? { headers: INDEX, body } : undefined;
    });
    expect((await searchFor(client, at('crowd', address), policy)).error).toBeUndefined();
    const forOne = asked;
    asked = 0;
    const { error } = await searchFor(client, at('crowd', address), policyOf(signingKeys()));
    expect(asked).toBeLessThan(forOne + 1 + 32 + 1);
    expect(error).toMatchObject({ code: 'SIGNATURE_LOOKUP_FAILED' });
    expect(error?.message).toContain('968 more referrers than are looked at');
    expect(image.manifest.digest).toContain('sha256:');
  });
});

test('builds that were asked for together look at a place once, and a later one looks again', async () => {
  const sharing = new RegistryClient({ documents: new DocumentCache({ maxBytes: 1_000_000 }) });
  onTestFinished(() => sharing.close());
  const image = await push('together', ({ digest }) => [simpleSignature(signingKeys(), { digest })]);
  const asked = async (): Promise<number> =>
    (await registry.asked()).filter((request) => request.startsWith('GET /v2/together/')).length;
  const together = { freshSince: Date.now() };
  const first = await searchFor(sharing, at('together'), policyOf(signingKeys()), together);
  expect(first.error?.code).toBe('SIGNATURE_NOT_ACCEPTED');
  const before = await asked();
  await searchFor(sharing, at('together'), policyOf(signingKeys()), together);
  // Of what is not there, nothing is kept: the API, and the fallback tag.
  expect((await asked()) - before).toBe(2);
  const { digest } = image.manifest;
  await pushSignatureTag(registry, 'together', digest, [simpleSignature(keys, { digest })]);
  const later = await searchFor(sharing, at('together'), policy, { freshSince: Date.now() });
  expect(later.signatures?.proofs).toHaveLength(1);
});

test('a registry whose API does not work may have the signature at the fallback tag', async () => {
  await push('half', ({ digest }) => [statementBundle(keys, digest)], 'referrer');
  const address = await withReferrersApi((path) => {
    return path.includes('/referrers/') ? { status: 403, body: Buffer.from('{}') } : undefined;
  });
  const { signatures, steps } = await searchFor(client, at('half', address), policy);
  expect(signatures?.proofs).toMatchObject([
    { format: 'dsse', foundAt: expect.stringMatching(/^tag sha256-[0-9a-f]+,/) },
  ]);
  expect(steps.join('\n')).toContain('it answered 403');
});

test('a search that is aborted rejects with the reason', async () => {
  await pushImage(registry, 'aborted', 'v1', sampleImageOf('aborted'));
  const stop = new AbortController();
  const reason = new Error('no longer wanted');
  const address = await withReferrersApi((path) => {
    if (path.endsWith('.sig')) stop.abort(reason);
    return undefined;
  });
  await expect(searchFor(client, at('aborted', address), policy, { signal: stop.signal })).rejects.toBe(reason);
});
