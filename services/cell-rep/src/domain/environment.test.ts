import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildEnvironment } from './environment.ts';
import { sampleGuid, sampleLrp } from './samples.test-support.ts';

const identity = { instanceGuid: sampleGuid(1), index: 2, address: '10.254.0.2' };

function environment(
  changes: Partial<ReturnType<typeof sampleLrp>['action']>,
  ports = [8080, 9090],
): Record<string, string> {
  const lrp = sampleLrp({ ports });
  const entries = buildEnvironment({ ...lrp, action: { ...lrp.action, ...changes } }, identity).map((entry) => {
    const equals = entry.indexOf('=');
    return [entry.slice(0, equals), entry.slice(equals + 1)] as const;
  });
  expect(new Set(entries.map(([name]) => name)).size).toBe(entries.length);
  return Object.fromEntries(entries);
}

test('tells the instance who and where it is', () => {
  expect(environment({})).toMatchObject({
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

test('without ports the addresses are empty', () => {
  const env = environment({}, []);
  expect(env).toMatchObject({ CF_INSTANCE_PORT: '', CF_INSTANCE_ADDR: '', CF_INSTANCE_PORTS: '[]' });
  expect(JSON.parse(env.VCAP_APPLICATION as string)).not.toHaveProperty('port');
});

test('the image speaks first, the platform over it, the cell last', () => {
  const env = environment({
    imageEnv: ['A=image', 'B=image', 'CF_INSTANCE_GUID=image', 'VCAP_APPLICATION={}', 'PORT=1'],
    environment: { B: 'app', PORT: '8080', VCAP_APPLICATION: '{"application_name":"dora","port":1}' },
  });
  expect(env).toMatchObject({ A: 'image', B: 'app', PORT: '8080', CF_INSTANCE_GUID: sampleGuid(1) });
  expect(JSON.parse(env.VCAP_APPLICATION as string)).toEqual({
    application_name: 'dora',
    host: '0.0.0.0',
    instance_id: sampleGuid(1),
    instance_index: 2,
    port: 8080,
  });
});

test('what is not a JSON object is replaced', () => {
  for (const text of ['[]', 'null', '7', 'not json']) {
    const env = environment({ environment: { VCAP_APPLICATION: text } });
    expect(JSON.parse(env.VCAP_APPLICATION as string)).toMatchObject({ instance_index: 2 });
  }
});

test('PATH and USER are set when nobody set them', () => {
  expect(environment({ user: '' })).toMatchObject({ USER: 'root', PATH: expect.stringContaining('/sbin') });
  expect(environment({ user: 'alice:staff' })).toMatchObject({ USER: 'alice', PATH: '/usr/local/bin:/usr/bin:/bin' });
  expect(environment({ imageEnv: ['PATH=', 'USER=bob'] })).toMatchObject({ PATH: '', USER: 'bob' });
});

test('image values survive verbatim', () => {
  const name = fc.stringMatching(/^[a-z_]{1,8}$/);
  fc.assert(
    fc.property(fc.dictionary(name, fc.string()), (values) => {
      const imageEnv = Object.entries(values).map(([n, v]) => `${n}=${v}`);
      expect(environment({ imageEnv })).toMatchObject(values);
    }),
  );
});
