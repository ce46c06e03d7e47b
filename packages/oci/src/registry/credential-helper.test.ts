import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { askHelper, type HelperFailure, type HelperOptions } from './credential-helper.ts';
import { HelperAnswers } from './helper-credentials.ts';
import { RegistryError } from './registry-error.ts';

const SECRET = 'canary-secret';
const isRoot = process.getuid?.() === 0;
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'slipway-helper-'));
  // The program runs as another user when this test is root.
  await chmod(dir, 0o777);
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
});

/** A credential helper that does what the shell is told. */
async function program(script: string, name = 'docker-credential-test'): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

const answer = (username: string, secret: string): string =>
  `echo '${JSON.stringify({ ServerURL: 'x', Username: username, Secret: secret })}'`;

async function ask(path: string, environment: Record<string, string> = {}, options: HelperOptions = {}) {
  return askHelper({ program: path, environment }, 'registry.example', { path: process.env.PATH, ...options });
}

async function failure(path: string, options?: HelperOptions): Promise<RegistryError> {
  const error = await ask(path, {}, options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(RegistryError);
  expect(`${inspect(error, { depth: 9 })} ${JSON.stringify(error)}`).not.toContain(SECRET);
  expect(error).toMatchObject({ code: 'CREDENTIAL_HELPER_FAILED', phase: 'authentication' });
  return error as RegistryError;
}

test('the program is asked with `get` for the registry on its input, and its answer are the credentials', async () => {
  const path = await program(`echo "$# $1 $(cat)" > ${dir}/asked; ${answer('AWS', SECRET)}`);
  const credentials = await ask(path);
  expect(credentials?.basicAuthorization()).toBe(`Basic ${Buffer.from(`AWS:${SECRET}`).toString('base64')}`);
  expect(await readFile(join(dir, 'asked'), 'utf8')).toBe('1 get registry.example\n');
});

test('a name is looked up on PATH', async () => {
  await program(answer('u', SECRET));
  const options = { path: `${dir}:/usr/bin:/bin` };
  expect((await ask('docker-credential-test', {}, options))?.username).toBe('u');
  expect((await failure('docker-credential-gone', options)).message).toBe(
    'authentication: asked docker-credential-gone for the credentials of registry.example: there is no such program: ' +
      'install it where PATH of this service leads, or give its absolute path',
  );
});

test('it gets PATH and what the settings say, and nothing else of this process', async () => {
  process.env.SLIPWAY_CANARY = 'inherited';
  onTestFinished(() => void delete process.env.SLIPWAY_CANARY);
  const path = await program(`env > ${dir}/env; pwd > ${dir}/cwd; ${answer('u', SECRET)}`);
  await ask(path, { AWS_REGION: 'eu-west-1' });
  const names = (await readFile(join(dir, 'env'), 'utf8')).split('\n').map((line) => line.replace(/=.*/, ''));
  // The shell sets the last three itself.
  expect(names.filter((name) => !['', 'PWD', 'SHLVL', '_', 'OLDPWD'].includes(name)).toSorted()).toEqual([
    'AWS_REGION',
    'PATH',
  ]);
  expect(await readFile(join(dir, 'cwd'), 'utf8')).toBe('/\n');
});

test.skipIf(!isRoot)(
  'root runs it as another user, without further groups (needs root)',
  { tags: 'root' },
  async () => {
    const path = await program(`id -u > ${dir}/ids; id -G >> ${dir}/ids; ${answer('u', SECRET)}`);
    await ask(path);
    expect(await readFile(join(dir, 'ids'), 'utf8')).toBe('65534\n65534\n');
    await rm(join(dir, 'ids'));
    await ask(path, {}, { user: { uid: 60_804, gid: 60_804 } });
    expect(await readFile(join(dir, 'ids'), 'utf8')).toBe('60804\n60804\n');
  },
);

test('that it has no credentials is an answer', async () => {
  expect(await ask(await program('echo "credentials not found in native keychain"; exit 1'))).toBeUndefined();
});

test.each([
  ['words on its output', 'echo "no basic auth credentials"; exit 1', 1, 'no basic auth credentials'],
  [
    'words on its error output',
    'echo "NoCredentialProviders: no valid providers" >&2; exit 2',
    2,
    'NoCredentialProviders: no valid providers',
  ],
  ['not a word', 'exit 3', 3, ''],
  ['a signal', 'kill -9 $$', 'signal SIGKILL', ''],
  ['its secret and a status', `${answer('u', SECRET)}; exit 1`, 1, '[something that holds a secret]'],
  ['a token among its words', `echo "bad token ${SECRET}${'x'.repeat(40)}"; exit 1`, 1, 'bad token [redacted]'],
  ['several lines', 'printf "a\\r\\nb\\033[31m\\n"; exit 1', 1, 'a b [31m'],
])(
  'a program that ends with %s has failed; its words are for the operator alone',
  async (_n, script, status, words) => {
    const path = await program(script);
    const told: HelperFailure[] = [];
    const { detail } = await failure(path, { onWords: (what) => told.push(what) });
    expect(detail).toBe(`it ended with ${status}; the platform's log has what it said`);
    expect(told).toEqual([{ program: path, server: expect.any(String), status, words }]);
  },
);

test.each([
  ['no JSON', `echo ${SECRET}`],
  ['no secret', `echo '{"Username":"${SECRET}"}'`],
  ['an empty secret', answer(SECRET, '')],
])('an answer with %s is refused without being quoted', async (_name, script) => {
  const told: HelperFailure[] = [];
  const { detail } = await failure(await program(script), { onWords: (what) => told.push(what) });
  expect(detail).toContain('its answer is not the JSON object');
  expect(told).toEqual([]);
});

test('one that may not be run says so', async () => {
  const path = await program('true');
  await chmod(path, 0o644);
  expect((await failure(path)).detail).toContain('it may not be executed by the user that it is to run as');
});

test('one that takes too long is ended with all that it started', async () => {
  // A process that is ended closes its connection; nothing else would.
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const child = `const s = require('net').connect(${port}, '127.0.0.1'); s.resume(); setInterval(() => {}, 1e6)`;
  const path = await program(`"${process.execPath}" -e "${child}" & wait`);
  const connected = once(server, 'connection');
  const failed = failure(path, { deadlineMs: 3_000 });
  const [socket] = (await connected) as [import('node:net').Socket];
  const closed = once(socket.on('error', () => undefined).resume(), 'close');
  expect((await failed).detail).toBe('it did not answer within 3 s');
  await closed;
});

test('one whose child keeps the output open, out of its group, is not waited for', async () => {
  const path = await program('setsid sleep 20 & exit 0');
  expect((await failure(path, { deadlineMs: 500 })).detail).toBe('it did not answer within 0.5 s');
});

test.each(['', ' >&2'])('one that says too much%s is ended', async (where) => {
  expect((await failure(await program(`yes ${SECRET}${where}`))).detail).toBe('it said more than 262144 bytes');
});

test('one that does not read its input is heard all the same', async () => {
  expect((await ask(await program(`exec 0<&-; ${answer('u', SECRET)}`)))?.username).toBe('u');
});

/** A program that counts its runs, and gives a password with the count in it. */
const counting = (): Promise<string> =>
  program(`echo >> ${dir}/runs; n=$(wc -l < ${dir}/runs); echo "{\\"Username\\":\\"u\\",\\"Secret\\":\\"p$n\\"}"`);
const password = (basic: string | undefined): string | undefined =>
  basic === undefined ? undefined : Buffer.from(basic.slice('Basic '.length), 'base64').toString().slice(2);

test('callers share an answer for ten minutes, and each registry has its own', async () => {
  let now = 0;
  const answers = new HelperAnswers({}, () => now);
  const settings = { program: await counting(), environment: {} };
  const source = answers.source(settings, 'a.example');
  const get = async () => password((await source.get(undefined))?.basicAuthorization());
  expect(
    await Promise.all([
      get(),
      get(),
      answers
        .source(settings, 'a.example')
        .get(undefined)
        .then(() => 'p1'),
    ]),
  ).toEqual(['p1', 'p1', 'p1']);
  now = 599_000;
  expect(await get()).toBe('p1');
  now = 601_000;
  expect(await get()).toBe('p2');
  expect(password((await answers.source(settings, 'b.example').get(undefined))?.basicAuthorization())).toBe('p3');
  answers.forget();
  expect(await get()).toBe('p4');
});

test('refused credentials are asked for anew once, but not right after the last time', async () => {
  let now = 0;
  const source = new HelperAnswers({}, () => now).source({ program: await counting(), environment: {} }, 'a.example');
  const first = await source.get(undefined);
  if (first === undefined) throw new Error('the program gives credentials');
  expect(await source.renew(first, undefined)).toBeUndefined();
  now = 6_000;
  const renewed = await Promise.all([source.renew(first, undefined), source.renew(first, undefined)]);
  expect(renewed.map((credentials) => password(credentials?.basicAuthorization()))).toEqual(['p2', 'p2']);
});

test('a failure is believed for a moment only', async () => {
  let now = 0;
  const path = await program('exit 1');
  const source = new HelperAnswers({}, () => now).source({ program: path, environment: {} }, 'a.example');
  await expect(source.get(undefined)).rejects.toMatchObject({ code: 'CREDENTIAL_HELPER_FAILED' });
  await program(answer('u', SECRET));
  await expect(source.get(undefined)).rejects.toMatchObject({ code: 'CREDENTIAL_HELPER_FAILED' });
  now = 15_001;
  expect((await source.get(undefined))?.username).toBe('u');
});

test('one who gives up does not end the run that others wait for', async () => {
  const source = new HelperAnswers({}, () => 0).source({ program: await counting(), environment: {} }, 'a.example');
  const patient = source.get(undefined);
  const abort = new AbortController();
  const impatient = source.get(abort.signal);
  abort.abort(new Error('given up'));
  await expect(impatient).rejects.toThrow('given up');
  expect(password((await patient)?.basicAuthorization())).toBe('p1');
});
