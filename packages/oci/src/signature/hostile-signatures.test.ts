import { signingKeys, simpleSignature, statementBundle } from '@slipway/testing';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { type Digest, digestOf } from '../digest.ts';
import { OciError } from '../errors.ts';
import { parseReference } from '../reference.ts';
import { honest, startHostile } from '../registry/hostile-registry.test-support.ts';
import { RegistryClient } from '../registry/registry-client.ts';
import { policyOf, sampleImageOf, searchFor } from './signed-image.test-support.ts';

const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const keys = signingKeys();
const image = sampleImageOf('hostile');
const { digest } = image.manifest;
const signed = simpleSignature(keys, { digest: digestOf('something else') });
const attested = statementBundle(keys, digest, 'https://example.com/report');
const blobs = new Map([signed, attested].map(({ blob }) => [blob.digest as string, blob.bytes]));

interface Lie {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly link: string;
}

const descriptor = fc.record(
  {
    mediaType: fc.constantFrom(signed.blob.mediaType, attested.blob.mediaType, MANIFEST, 'x'),
    digest: fc.constantFrom<unknown[]>(signed.blob.digest, attested.blob.digest, digest, digestOf('gone'), '../x', 7),
    size: fc.constantFrom<unknown[]>(signed.blob.size, attested.blob.size, 0, 2 ** 53, -1, 'x'),
    annotations: fc.constantFrom<unknown[]>(signed.annotations, {}, null, 'x'),
    artifactType: fc.constantFrom(attested.blob.mediaType, 'application/vnd.oci.empty.v1+json', ''),
  },
  { requiredKeys: ['mediaType', 'digest', 'size'] },
);
const document = fc.record(
  { schemaVersion: fc.constantFrom(2, 1), layers: fc.array(descriptor), manifests: fc.array(descriptor) },
  { requiredKeys: ['schemaVersion'] },
);
const lie: fc.Arbitrary<Lie> = fc.record({
  status: fc.constantFrom(200, 200, 200, 204, 302, 400, 401, 403, 404, 416, 500),
  type: fc.constantFrom(INDEX, MANIFEST, 'text/html', ''),
  body: fc.oneof(
    document.map((value) => JSON.stringify(value)),
    fc.string(),
    fc.json(),
  ),
  link: fc.constantFrom('', '<?n=1>; rel="next"', '<http://169.254.169.254/?n=1>; rel="next"', '<'),
});

test('whatever a registry says of signatures, the image is refused by a typed error, and within bounds', async () => {
  let lies: readonly Lie[] = [];
  let asked = 0;
  const truth = honest(image);
  const server = await startHostile((request, response) => {
    const path = request.url ?? '';
    const blob = [...blobs].find(([name]) => path.endsWith(`/blobs/${name}`));
    const isImage = path.endsWith('/manifests/v1') || path.endsWith(`/blobs/${image.config.digest}`);
    if (isImage || path === '/v2/') return truth(request, response);
    asked += 1;
    if (blob !== undefined) return void response.writeHead(200).end(blob[1]);
    const { status, type, body, link } = lies[asked % lies.length] ?? { status: 404, type: '', body: '', link: '' };
    const headers = {
      ...(type === '' ? {} : { 'content-type': type }),
      ...(link === '' ? {} : { link }),
      location: '/x',
    };
    response.writeHead(status, headers).end(status === 204 ? undefined : body);
  });
  onTestFinished(() => server.stop());
  const client = new RegistryClient({ retries: { attempts: 1 } });
  onTestFinished(() => client.close());
  const reference = parseReference(`${server.address}/app:v1`);
  await fc.assert(
    fc.asyncProperty(fc.array(lie, { minLength: 1, maxLength: 5 }), async (these) => {
      [lies, asked] = [these, 0];
      const { error, signatures } = await searchFor(client, reference, policyOf(keys));
      expect(signatures).toBeUndefined();
      expect(error).toBeInstanceOf(OciError);
      expect(error?.code).toMatch(/^SIGNATURE_(?:MISSING|NOT_ACCEPTED|LOOKUP_FAILED)$/);
      expect(asked).toBeLessThan(200);
    }),
    { numRuns: 60 },
  );
  expect(server.paths.every((path) => path.startsWith('GET /v2/') || path === 'GET /x')).toBe(true);
});

test('a registry that has the right signature is not made to lose it by lies beside it', async () => {
  const good = simpleSignature(keys, { digest });
  const layers = [signed, attested, good].map(({ blob, annotations }) => {
    const { mediaType, digest: name, size } = blob;
    return { mediaType, digest: name, size, annotations };
  });
  const all = new Map<Digest, Buffer>([...blobs, [good.blob.digest, good.blob.bytes]] as [Digest, Buffer][]);
  const truth = honest(image);
  const server = await startHostile((request, response) => {
    const path = request.url ?? '';
    const blob = [...all].find(([name]) => path.endsWith(`/blobs/${name}`));
    if (blob !== undefined) response.writeHead(200).end(blob[1]);
    else if (path.endsWith('.sig')) {
      response.writeHead(200, { 'content-type': MANIFEST }).end(JSON.stringify({ schemaVersion: 2, layers }));
    } else truth(request, response);
  });
  onTestFinished(() => server.stop());
  const client = new RegistryClient({ retries: { attempts: 1 } });
  onTestFinished(() => client.close());
  const { signatures } = await searchFor(client, parseReference(`${server.address}/app:v1`), policyOf(keys));
  expect(signatures?.proofs).toMatchObject([{ foundAt: expect.stringMatching(/number 3$/) }]);
});
