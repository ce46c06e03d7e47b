import { randomUUID } from 'node:crypto';
import { publishMessage, startWorkQueue } from '@slipway/bus';
import {
  type RegistryCheckRequest,
  type RegistryCheckResult,
  registryCheckRequest,
  registryCheckResult,
} from '@slipway/contracts';
import { createLogger, generateSealingKeys, seal } from '@slipway/service-kit';
import { type NatsHandle, type RegistryAuth, startNats, startRegistry } from '@slipway/testing';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startStagerOn } from './stager.test-support.ts';

const PASSWORD = 'canary-check-password';
const keys = generateSealingKeys();
let nats: NatsHandle;
let ask: (request: RegistryCheckRequest) => Promise<RegistryCheckResult>;
let log = '';
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  nats = await startNats();
  ends.push(() => nats.stop());
  const write = (line: string): void => {
    log += line;
  };
  const app = await startStagerOn(nats, { keys, logger: createLogger('stager', 'debug', { write }) });
  ends.push(() => app.stop());
  const bus = await nats.connectOperator();
  ends.push(() => bus.close());
  const answers = new Map<string, (result: RegistryCheckResult) => void>();
  const queue = await startWorkQueue(bus, {
    definition: registryCheckResult,
    durable: 'cloud-controller',
    concurrency: 1,
    handle: async ({ data }) => answers.get(data.checkGuid)?.(data),
  });
  ends.push(() => queue.stop());
  ask = (data) =>
    new Promise((resolve, reject) => {
      answers.set(data.checkGuid, resolve);
      publishMessage(bus, registryCheckRequest, data, { id: data.checkGuid }).catch(reject);
    });
});
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

const request = (registry: string, password = PASSWORD, more: Partial<RegistryCheckRequest> = {}) => ({
  checkGuid: randomUUID(),
  registry,
  credentials: seal(JSON.stringify({ username: 'robot', password }), keys.publicKey),
  deadline: new Date(Date.now() + 60_000).toISOString(),
  ...more,
});

async function launch(auth?: RegistryAuth) {
  const registry = await startRegistry(auth === undefined ? {} : { auth });
  onTestFinished(() => registry.stop());
  return registry;
}

describe('a question about registry credentials', () => {
  test.each(['basic', 'token'] as const)('is answered with success or the reason, with %s', async (kind) => {
    const { address } = await launch({ kind, username: 'robot', password: PASSWORD });
    expect(await ask(request(address))).toMatchObject({
      outcome: 'accepted',
      detail: `${address} answered 200 to GET /v2/ as "robot"`,
    });
    expect(await ask(request(address, PASSWORD, { repository: 'team/app' }))).toMatchObject({
      outcome: 'accepted',
      detail: expect.stringContaining('404 to HEAD /v2/team/app/manifests/latest'),
    });
    const refused = await ask(request(address, 'canary-wrong'));
    expect(refused).toMatchObject({ outcome: 'refused', code: 'REGISTRY_UNAUTHORIZED' });
    expect(refused.detail).toMatch(/asked 127\.0\.0\.1:\d+ for .* it answered 401/);
    expect(JSON.stringify(refused)).not.toContain('canary');
  });

  test('tells a registry that is down from a wrong password', async () => {
    const registry = await launch({ kind: 'basic', username: 'robot', password: PASSWORD });
    await registry.kill();
    expect(await ask(request(registry.address))).toMatchObject({
      outcome: 'unanswered',
      code: 'REGISTRY_UNREACHABLE',
      detail: expect.stringContaining('it refuses connections'),
    });
  });

  test('says so when the registry never looks at them', async () => {
    const { address } = await launch();
    const code = 'REGISTRY_LOGIN_NOT_ASKED';
    expect(await ask(request(address, 'whatever'))).toMatchObject({ outcome: 'accepted', code });
  });

  test('whose time is over, or that is sealed to another key, is answered all the same', async () => {
    const deadline = new Date(Date.now() - 1).toISOString();
    expect(await ask(request('registry.test', PASSWORD, { deadline }))).toMatchObject({
      outcome: 'unanswered',
      code: 'REGISTRY_CHECK_DEADLINE',
    });
    const credentials = seal(`{"username":"u","password":"${PASSWORD}"}`, generateSealingKeys().publicKey);
    expect(await ask(request('registry.test', PASSWORD, { credentials }))).toMatchObject({
      outcome: 'unanswered',
      code: 'SEAL_BROKEN',
    });
  });

  // After all of the above.
  test('leaves no password in the log', () => {
    expect(log).toContain('registry-check.done');
    expect(log).not.toContain('canary');
  });
});
