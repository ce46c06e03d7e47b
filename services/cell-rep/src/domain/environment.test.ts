import fc from 'fast-check';
import { expect, test } from 'vitest';
import { platformEnvironment } from './environment.ts';
import { imageVariables } from './image-variables.ts';
import { sampleGuid, sampleLrp } from './samples.test-support.ts';

const identity = { instanceGuid: sampleGuid(1), index: 2, address: '10.254.0.2' };

function environment(given: Record<string, string> = {}, ports = [8080, 9090]): Record<string, string> {
  const lrp = sampleLrp({ ports });
  return platformEnvironment({ ...lrp, action: { ...lrp.action, environment: given } }, identity);
}

test('tells the instance who and where it is', () => {
  expect(environment()).toEqual({
    VCAP_APPLICATION: `{"host":"0.0.0.0","instance_id":"${sampleGuid(1)}","instance_index":2,"port":8080}`,
    SLIPWAY_IMAGE: `localhost:5000/dora:1@sha256:${'a'.repeat(64)}`,
    SLIPWAY_IMAGE_DIGEST: `sha256:${'a'.repeat(64)}`,
    INSTANCE_GUID: sampleGuid(1),
    INSTANCE_INDEX: '2',
    CF_INSTANCE_GUID: sampleGuid(1),
    CF_INSTANCE_INDEX: '2',
    CF_INSTANCE_IP: '10.254.0.2',
    CF_INSTANCE_INTERNAL_IP: '10.254.0.2',
    CF_INSTANCE_PORT: '8080',
    CF_INSTANCE_ADDR: '10.254.0.2:8080',
    CF_INSTANCE_PORTS: '[{"external":8080,"internal":8080},{"external":9090,"internal":9090}]',
  });
});

test('tells which image it is, by the digests that staging found and never by another tag or digest of the user', () => {
  const { image } = sampleLrp();
  const indexDigest = `sha256:${'1'.repeat(64)}`;
  const reference = `localhost:5000/dora:1@${indexDigest}`;
  expect(imageVariables({ image: { ...image, reference, indexDigest } })).toEqual({
    SLIPWAY_IMAGE: `localhost:5000/dora:1@${image.manifestDigest}`,
    SLIPWAY_IMAGE_DIGEST: image.manifestDigest,
    SLIPWAY_IMAGE_INDEX_DIGEST: indexDigest,
  });
  expect(environment({ SLIPWAY_IMAGE_DIGEST: 'set by the user' }).SLIPWAY_IMAGE_DIGEST).toBe(image.manifestDigest);
});

test('without ports the addresses are empty', () => {
  const env = environment({}, []);
  expect(env).toMatchObject({ CF_INSTANCE_PORT: '', CF_INSTANCE_ADDR: '', CF_INSTANCE_PORTS: '[]' });
  expect(JSON.parse(env.VCAP_APPLICATION as string)).not.toHaveProperty('port');
});

test('the cell speaks last', () => {
  const env = environment({
    GREETING: 'app',
    CF_INSTANCE_GUID: 'app',
    VCAP_APPLICATION: '{"application_name":"dora","port":1}',
  });
  expect(env).toMatchObject({ GREETING: 'app', CF_INSTANCE_GUID: sampleGuid(1) });
  expect(JSON.parse(env.VCAP_APPLICATION as string)).toEqual({
    application_name: 'dora',
    host: '0.0.0.0',
    instance_id: sampleGuid(1),
    instance_index: 2,
    port: 8080,
  });
});

test('a sidecar has the app’s variables but for its own', () => {
  const lrp = sampleLrp();
  const app = { GREETING: 'app', MEMORY_LIMIT: '256m', VCAP_APPLICATION: '{"limits":{"mem":256}}' };
  const own = { MEMORY_LIMIT: '64m', VCAP_APPLICATION: '{"limits":{"mem":64}}' };
  const withEnvironment = { ...lrp, action: { ...lrp.action, environment: app } };
  const env = platformEnvironment(withEnvironment, identity, { environment: own });
  expect(env).toMatchObject({ GREETING: 'app', MEMORY_LIMIT: '64m', CF_INSTANCE_INDEX: '2' });
  expect(JSON.parse(env.VCAP_APPLICATION as string)).toMatchObject({ limits: { mem: 64 }, instance_index: 2 });
});

test('what is not a JSON object is replaced', () => {
  for (const text of ['[]', 'null', '7', 'not json']) {
    const env = environment({ VCAP_APPLICATION: text });
    expect(JSON.parse(env.VCAP_APPLICATION as string)).toMatchObject({ instance_index: 2 });
  }
});

test('the app’s own values survive verbatim', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), fc.string()), (values) => {
      expect(environment(values)).toMatchObject(values);
    }),
  );
});
