import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { selfSigned } from '@slipway/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OciError } from '../errors.ts';
import { registryTarget } from './host-pattern.ts';
import { parseRegistrySettings } from './parse-settings.ts';
import { entryForRegistry, networksApply, type RegistrySettings } from './registry-settings.ts';

const FILE = '/etc/slipway/registries.yaml';
const PASSWORD = 'canary-password';
const own = selfSigned(['client']);
const files: Readonly<Record<string, string>> = {
  'own.pem': own.certPem,
  'own-key.pem': own.keyPem,
  'other-key.pem': selfSigned(['other']).keyPem,
  'empty.pem': 'nothing\n',
  'broken.pem': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  password: `${PASSWORD}\n`,
};

async function readFile(name: string): Promise<string> {
  const text = files[name];
  if (text === undefined)
    throw new Error(`/etc/slipway/${name}: there is no such file: create it, or correct the path`);
  return text;
}

const parse = (text: string): Promise<RegistrySettings> => parseRegistrySettings(text, FILE, readFile);

async function problems(text: string): Promise<string> {
  const error = await parse(text).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OciError);
  expect((error as OciError).code).toBe('REGISTRY_SETTINGS_INVALID');
  expect(`${inspect(error, { depth: 9 })} ${JSON.stringify(error)}`).not.toContain(PASSWORD);
  return (error as OciError).message;
}

test('the example of the documentation is read as it says', async () => {
  const page = readFileSync(new URL('../../../../docs/registries.md', import.meta.url), 'utf8');
  const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const texts: Readonly<Record<string, string>> = {
    '/etc/slipway/docker-hub-password': `${PASSWORD}\n`,
    'tls/mirror-ca.pem': own.certPem,
    'tls/slipway.pem': own.certPem,
    'tls/slipway-key.pem': own.keyPem,
  };
  const settings = await parseRegistrySettings(example, FILE, async (name) => texts[name] ?? '');

  expect(settings.plainHttp.names(registryTarget('registry.lab.example:5000'))).toBe(true);
  expect(settings.plainHttp.covers(['10.20.3.4'])).toBe(true);
  expect(settings.unverifiedTls.covers(['fd00:10:30::5'])).toBe(true);
  expect(settings.trustedTokenHosts).toEqual(['login.example.net']);
  expect(entryForRegistry(settings, 'docker.io')?.mirrors).toEqual([
    { registry: 'mirror.example:5000', prefix: 'dockerhub', tags: true },
    { registry: 'archive.example', prefix: '', tags: false },
  ]);
  expect(entryForRegistry(settings, 'docker.io')?.credentials?.basicAuthorization()).toBe(
    `Basic ${Buffer.from(`example-company:${PASSWORD}`).toString('base64')}`,
  );
  expect(entryForRegistry(settings, 'mirror.example:5000')).toMatchObject({
    authorities: [own.certPem.trim()],
    clientCertificate: { certificate: own.certPem.trim() },
  });
  expect(entryForRegistry(settings, 'mirror.example')).toBeUndefined();
  expect(entryForRegistry(settings, '123456789012.dkr.ecr.eu-west-1.amazonaws.com')?.helper).toEqual({
    program: 'docker-credential-ecr-login',
    environment: {},
  });
  expect(entryForRegistry(settings, 'europe-docker.pkg.dev')?.helper).toEqual({
    program: '/opt/google/docker-credential-gcr',
    environment: { GOOGLE_APPLICATION_CREDENTIALS: '/etc/slipway/google.json' },
  });
  expect(`${inspect(settings, { depth: 9 })} ${JSON.stringify(settings)}`).not.toMatch(
    /canary|correct horse|PRIVATE KEY/,
  );
});

test('the hub is one registry under its three names', async () => {
  const settings = await parse('registries: {docker.io: {mirrors: [mirror.example]}}');
  for (const name of ['docker.io', 'index.docker.io', 'registry-1.docker.io']) {
    expect(entryForRegistry(settings, name)?.mirrors).toHaveLength(1);
  }
  expect(entryForRegistry(settings, 'auth.docker.io')).toBeUndefined();
});

test('a file of comments, and a registry with nothing set, are no errors', async () => {
  for (const text of ['', '# later\n', 'registries:\n  registry.example:\n', 'plainHttp: []\n']) {
    expect((await parse(text)).trustedTokenHosts).toEqual([]);
  }
});

test('the most specific key holds for a registry, and it alone', async () => {
  const settings = await parse(`
registries:
  '*.example': {credentialHelper: wide}
  '*.corp.example': {credentialHelper: narrow}
  registry.corp.example: {username: u, password: p}
  registry.corp.example:5000: {mirrors: [mirror.example]}
`);
  const found = (registry: string) => entryForRegistry(settings, registry)?.pattern.text;
  expect(found('a.example')).toBe('*.example');
  expect(found('a.corp.example:5000')).toBe('*.corp.example');
  expect(found('registry.corp.example')).toBe('registry.corp.example');
  expect(found('registry.corp.example:5000')).toBe('registry.corp.example:5000');
  expect(entryForRegistry(settings, 'registry.corp.example:5000')?.credentials).toBeUndefined();
});

test('networks of the insecure lists count for no host with certificates or credentials', async () => {
  const settings = await parse(`
registries:
  password.example: {username: u, password: p}
  helper.example: {credentialHelper: x}
  ca.example: {caFile: own.pem}
  mirrors.example: {mirrors: [mirror.example]}
`);
  const apply = (host: string) => networksApply(settings, registryTarget(host));
  expect(['password', 'helper', 'ca', 'mirrors', 'other'].map((host) => apply(`${host}.example`))).toEqual([
    false,
    false,
    false,
    true,
    true,
  ]);
});

test.each<[name: string, text: string, ...expected: string[]]>([
  ['no YAML', 'registries:\n  - a: [', `${FILE}:2: `, 'this is not YAML'],
  ['a key twice', 'plainHttp: []\nplainHttp: []\n', `${FILE}:2: `, 'unique'],
  ['a list', '- a\n', `${FILE}:1: expected settings under it`],
  ['a key that there is not', 'plainHttp: []\nmirrors: []\n', `${FILE}:2: mirrors: there is no such setting`],
  [
    'a misspelled key of a registry',
    'registries:\n  registry.example:\n    user: x\n',
    `${FILE}:3: registries."registry.example".user: there is no such setting`,
  ],
  [
    'a scheme in a list',
    'plainHttp:\n  - a.example\n  - http://b.example\n',
    `${FILE}:3: plainHttp[1]: found "http://b`,
    'expected host, host:port',
  ],
  ['every network', 'unverifiedTls: [0.0.0.0/0]\n', 'unverifiedTls[0]', 'which is every host there is'],
  ['a slip in a network', 'plainHttp: [10.1.2.3/8]\n', 'bits set beyond the first 8'],
  [
    'a token host with a port',
    'trustedTokenHosts: ["a.example:443"]\n',
    'expected the name of one host, without a port',
  ],
  [
    'no registry as a key',
    'registries:\n  https://a.example: {}\n',
    `${FILE}:2: `,
    'this is no registry: expected host, host:port',
  ],
  [
    'one registry under two spellings',
    'registries:\n  A.example: {}\n  a.example: {}\n',
    `${FILE}:3: `,
    'the same registry as A.example',
  ],
  [
    'a number as a password',
    'registries:\n  a.example: {username: u, password: 12345}\n',
    `${FILE}:2: `,
    'expected a text; put a number',
  ],
  [
    'a password and no name',
    `registries:\n  a.example: {password: ${PASSWORD}}\n`,
    'there is a password and no username',
  ],
  ['a name and no password', 'registries:\n  a.example: {username: u}\n', 'there is a username and no password'],
  ['a name with a colon', `registries:\n  a.example: {username: "u:v", password: ${PASSWORD}}\n`, 'no colon'],
  [
    'two passwords',
    `registries:\n  a.example: {username: u, password: ${PASSWORD}, passwordFile: password}\n`,
    'give one of the two',
  ],
  [
    'a password for a wildcard',
    `registries:\n  "*.example": {username: u, password: ${PASSWORD}}\n`,
    'would send the password to whatever host',
  ],
  [
    'a password and a helper',
    `registries:\n  a.example: {username: u, password: ${PASSWORD}, credentialHelper: x}\n`,
    'there is a username as well',
  ],
  [
    'a file that is not there',
    'registries:\n  a.example:\n    caFile: gone.pem\n',
    `${FILE}:3: registries."a.example".caFile: /etc/slipway/gone.pem: there is no such file`,
  ],
  ['no certificate', 'registries:\n  a.example: {caFile: empty.pem}\n', 'there is no certificate in it: expected PEM'],
  ['a broken certificate', 'registries:\n  a.example: {caFile: broken.pem}\n', 'certificate 1 of it cannot be read'],
  [
    'a key of another certificate',
    'registries:\n  a.example:\n    clientCertificate: {certificateFile: own.pem, keyFile: other-key.pem}\n',
    `${FILE}:3: `,
    'the key is not that of the certificate',
  ],
  [
    'a certificate without a key',
    'registries:\n  a.example:\n    clientCertificate: {certificateFile: own.pem}\n',
    'there is no key or keyFile: give both',
  ],
  [
    'a certificate for a key',
    'registries:\n  a.example:\n    clientCertificate: {certificateFile: own.pem, keyFile: own.pem}\n',
    'expected a private key in PEM',
  ],
  [
    'a mirror with a scheme',
    'registries:\n  a.example:\n    mirrors:\n      - https://b.example\n',
    `${FILE}:4: registries."a.example".mirrors[0]: "https://b.example" is no mirror`,
    'without a scheme',
  ],
  ['a mirror that is a repository of the hub', 'registries:\n  a.example: {mirrors: [b/c]}\n', '"b/c" is no mirror'],
  ['a mirror of itself', 'registries:\n  a.example: {mirrors: [a.example]}\n', 'its own mirror'],
  ['a mirror of a wildcard', 'registries:\n  "*.example": {mirrors: [b.example]}\n', 'could not know whose images'],
  [
    'a mirror with another key',
    'registries:\n  a.example:\n    mirrors:\n      - {location: b.example, ca: x}\n',
    `${FILE}:4: registries."a.example".mirrors[0].ca: there is no such setting`,
  ],
  [
    'a helper with a relative path',
    'registries:\n  a.example: {credentialHelper: ../x}\n',
    '"../x" is no program: expected a name such as ecr-login',
  ],
  ['a helper with arguments', 'registries:\n  a.example: {credentialHelper: "x; rm -rf"}\n', 'is no program'],
  [
    'certificates that a list ignores',
    'unverifiedTls: [a.example]\nregistries:\n  a.example: {caFile: own.pem}\n',
    `${FILE}:3: `,
    'take it off that list',
  ],
])('%s is refused where it stands', async (_name, text, ...expected) => {
  const message = await problems(text);
  for (const part of expected) expect(message).toContain(part);
});

test('all problems are named at once', async () => {
  const message = await problems('plainHttp: ["http://a"]\ntrustedTokenHosts: ["*.b"]\nregistries:\n  c/d: {}\n');
  expect(message.match(/registries\.yaml:\d+/g)).toEqual([1, 2, 4].map((line) => `registries.yaml:${line}`));
});

test('aliases are for repeating a certificate, not for filling the memory', async () => {
  const levels = Array.from({ length: 12 }, (_, i) => `l${i}: &l${i} [${Array(9).fill(i === 0 ? 'x' : `*l${i - 1}`)}]`);
  expect(await problems(levels.join('\n'))).toContain('aliases');
});

test('whatever is in the file, it is read or refused in words', async () => {
  const key = fc.constantFrom('plainHttp', 'unverifiedTls', 'trustedTokenHosts', 'registries', 'mirrors', 'ca', 'x');
  const tree = fc.letrec((tie) => ({
    value: fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.boolean(), tie('list'), tie('map')),
    list: fc.array(tie('value'), { maxLength: 3 }),
    map: fc.dictionary(fc.oneof(key, fc.string()), tie('value'), { maxKeys: 4 }),
  })).value;
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    tree.map((value) => JSON.stringify(value)),
  );
  await fc.assert(
    fc.asyncProperty(text, async (written) => {
      const outcome = await parse(written).then(
        () => 'read',
        (error: unknown) => (error instanceof OciError ? error.code : error),
      );
      expect(['read', 'REGISTRY_SETTINGS_INVALID']).toContain(outcome);
    }),
  );
});
