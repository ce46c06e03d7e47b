import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import type { Bus } from '@slipway/bus';
import type { RouterRegister } from '@slipway/contracts';
import { type NatsHandle, startNats } from '@slipway/testing';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { createTestDatabase, onEachEngine } from './database.test-support.ts';
import { CF_BASIC } from './identity.test-support.ts';
import {
  type Environment,
  environmentOf,
  readiness,
  run,
  type UaaProcess,
  untilReady,
} from './process.test-support.ts';

const ADMIN_PASSWORD = 'the-admin-password';
let nats: NatsHandle;
let env: Environment;

onEachEngine(() => {
  beforeEach(async () => {
    nats = await startNats();
    onTestFinished(() => nats.stop());
    const database = await createTestDatabase();
    onTestFinished(() => database.remove());
    env = environmentOf(nats, {
      LISTEN_PORT: String(await freePort()),
      HEALTH_PORT: String(await freePort()),
      DATABASE_URL: database.url,
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      ADMIN_PASSWORD,
      CLOUD_CONTROLLER_SECRET: 'between services',
    });
  });

  /** A restart must come back on the same port, hence one picked beforehand. */
  async function freePort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  interface Tokens {
    readonly access_token: string;
    readonly refresh_token: string;
  }

  async function ask(service: UaaProcess, form: Record<string, string>): Promise<Tokens> {
    const response = await fetch(`${service.url}/uaa/oauth/token`, {
      method: 'POST',
      headers: { authorization: CF_BASIC },
      body: new URLSearchParams(form),
    });
    if (response.status !== 200) throw new Error(`token answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as Tokens;
  }

  const logIn = (service: UaaProcess): Promise<Tokens> =>
    ask(service, { grant_type: 'password', username: 'admin', password: ADMIN_PASSWORD });

  test('registers its routes, again when a router starts, and takes them back when it is told to end', async () => {
    const { nc } = await operator();
    const registered = nc.subscribe('router.register', { max: 2 });
    const unregistered = nc.subscribe('router.unregister', { max: 1 });
    await nc.flush();
    const service = run('main', env);
    const messages: RouterRegister[] = [];
    for await (const message of registered) {
      messages.push(message.json<RouterRegister>());
      if (messages.length > 1) break;
      const start = { id: 'r', hosts: [], minimumRegisterIntervalInSeconds: 20, pruneThresholdInSeconds: 120 };
      await expect.poll(() => nc.publish('router.start', JSON.stringify(start)) ?? registered.getReceived()).toBe(2);
    }
    for (const message of messages) {
      expect(message).toMatchObject({
        host: '127.0.0.1',
        port: Number(env.LISTEN_PORT),
        uris: ['localhost/uaa', '127.0.0.1/uaa'],
      });
    }
    expect(await service.terminate()).toBe(0);
    for await (const message of unregistered) expect(message.json<RouterRegister>()).toEqual(messages[0]);
  });

  async function operator(): Promise<Bus> {
    const bus = await nats.connectOperator();
    onTestFinished(() => bus.close());
    return bus;
  }

  test('killed and started again it knows its users and its tokens, and the log holds no secret', async () => {
    const first = run('main', env);
    await untilReady(first);
    const tokens = await logIn(first);
    await first.kill();
    const second = run('main', env);
    await untilReady(second);
    const keys = createRemoteJWKSet(new URL(`${second.url}/uaa/token_keys`));
    const { payload } = await jwtVerify(tokens.access_token, keys, { issuer: 'http://localhost:8080/uaa/oauth/token' });
    expect(payload.user_name).toBe('admin');
    await ask(second, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token });
    await logIn(second);

    const output = first.output() + second.output();
    expect(first.output()).toContain('admin.created');
    expect(second.output()).not.toContain('admin.created');
    const secrets = [ADMIN_PASSWORD, tokens.access_token, tokens.refresh_token, env.ENCRYPTION_KEY, env.NATS_PASSWORD];
    for (const secret of secrets) expect(output).not.toContain(secret);
  });

  test('gives tokens while NATS is away, and says that it is', async () => {
    await nats.kill();
    const service = run('main', env);
    await expect.poll(() => readiness(service), { timeout: 30_000 }).toBe('not ready: NATS: not connected\n');
    await logIn(service);
    await nats.restart();
    await untilReady(service);
  });

  test('a key that the command adds is served by the running process', async () => {
    const service = run('main', env);
    await untilReady(service);
    const { kid } = decodeProtectedHeader((await logIn(service)).access_token);
    const command = run('rotate-key-command', env);
    expect(await command.exited).toBe(0);
    const added = /^(key-[0-9a-f]+) signs from /m.exec(command.output())?.[1];
    expect(added).toBeDefined();
    const served = async (): Promise<string[]> => {
      const response = await fetch(`${service.url}/uaa/token_keys`);
      return ((await response.json()) as { keys: { kid: string }[] }).keys.map((key) => key.kid);
    };
    await expect.poll(served, { timeout: 40_000 }).toEqual([added, kid]);
  });

  test('does not start with another ENCRYPTION_KEY, and says why', async () => {
    const first = run('main', env);
    await untilReady(first);
    await first.terminate();
    const second = run('main', { ...env, ENCRYPTION_KEY: randomBytes(32).toString('base64') });
    expect(await second.exited).toBe(1);
    expect(second.output()).toContain('ENCRYPTION_KEY_WRONG');
  });

  test('names every setting that is wrong, and ends', async () => {
    const service = run('main', { NATS_URL: nats.url, ENCRYPTION_KEY: 'short', EXTERNAL_URL: 'localhost' });
    expect(await service.exited).not.toBe(0);
    for (const name of [
      'NATS_USER',
      'NATS_PASSWORD',
      'DATABASE_URL',
      'ENCRYPTION_KEY',
      'ADMIN_PASSWORD',
      'CLOUD_CONTROLLER_SECRET',
      'EXTERNAL_URL',
    ]) {
      expect(service.output()).toContain(`${name}: `);
    }
  });

  test('metrics count tokens and errors', async () => {
    const service = run('main', env);
    await untilReady(service);
    await logIn(service);
    await expect(ask(service, { grant_type: 'password', username: 'admin', password: 'x' })).rejects.toThrow(/401/);
    const text = await (await fetch(`${service.healthUrl}/metrics`)).text();
    expect(text).toMatch(/^uaa_tokens_issued_total\{grant_type="password",service="uaa"\} 1$/m);
    expect(text).toMatch(/^uaa_errors_total\{code="CREDENTIALS_WRONG",service="uaa"\} 1$/m);
    expect(text).toMatch(/^uaa_passwords_waiting\{service="uaa"\} 0$/m);
  });
});
