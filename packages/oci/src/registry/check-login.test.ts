import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildImage, buildLayer, pushImage, type RegistryAuth, startRegistry } from '@slipway/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { LoginAnswer } from './check-login.ts';
import { RegistryCredentials } from './credentials.ts';
import { RegistryClient } from './registry-client.ts';

const PASSWORD = 'canary-login-password';
const robot = new RegistryCredentials('robot', PASSWORD);
const wrong = new RegistryCredentials('robot', 'canary-wrong-password');

function check(
  registry: string,
  credentials: RegistryCredentials,
  repository?: string,
  steps: string[] = [],
): Promise<LoginAnswer> {
  const client = new RegistryClient({ retries: { baseMs: 1, capMs: 2 } });
  onTestFinished(() => client.close());
  return client.checkLogin({ registry, repository }, credentials, { onStep: (text) => steps.push(text) });
}

async function launch(auth?: RegistryAuth) {
  const registry = await startRegistry(auth === undefined ? {} : { auth });
  onTestFinished(() => registry.stop());
  return registry;
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.each(['basic', 'token'] as const)('with %s authentication', (kind) => {
  test('the right password is taken, a wrong one refused, and both answers say who was asked', async () => {
    const { address } = await launch({ kind, username: 'robot', password: PASSWORD });
    const steps: string[] = [];
    expect(await check(address, robot, undefined, steps)).toEqual({
      asked: true,
      detail: `${address} answered 200 to GET /v2/ as "robot"`,
    });
    const refused = check(address, wrong, undefined, steps);
    await expect(refused).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED', phase: 'authentication' });
    const message = await refused.catch((error: Error) => error.message);
    expect(message).toContain(address);
    expect(message).toContain('answered 401');
    expect(`${message} ${steps.join()}`).not.toMatch(/canary|undefined/);
  });

  test('a repository that is named is read, whether or not there is anything in it', async () => {
    const auth = { kind, username: 'robot', password: PASSWORD };
    const registry = await launch(auth);
    const image = buildImage({ layers: [buildLayer([{ name: 'a', content: 'a' }])] });
    await pushImage(registry, 'team/app', 'latest', image, { credentials: { username: 'robot', password: PASSWORD } });
    const read = async (repository: string): Promise<string> =>
      (await check(registry.address, robot, repository)).detail;
    expect(await read('team/app')).toMatch(/and 200 to HEAD \/v2\/team\/app\/manifests\/latest as "robot"$/);
    expect(await read('team/other')).toMatch(/and 404 to HEAD/);
  });

  test('the same client asks anew each time', async () => {
    const registry = await launch({ kind, username: 'robot', password: PASSWORD });
    const client = new RegistryClient();
    onTestFinished(() => client.close());
    const place = { registry: registry.address };
    await client.checkLogin(place, robot);
    await client.checkLogin(place, robot);
    const statuses = (await registry.asked()).map((request) => request.split(' ').at(-1));
    expect(statuses).toEqual(['401', '200', '401', '200']);
  });
});

test('a registry that asks nobody says nothing about the password', async () => {
  const { address } = await launch();
  expect(await check(address, wrong)).toEqual({ asked: false, detail: expect.stringMatching(/without asking who/) });
});

test('who may log in and not read the repository is refused by name', async () => {
  const basic = robot.basicAuthorization();
  const address = await serve((request, response) => {
    const known = request.headers.authorization === basic;
    const status = known ? (request.url === '/v2/' ? 200 : 403) : 401;
    response.writeHead(status, { 'www-authenticate': 'Basic realm="r"' }).end('{}');
  });
  await expect(check(address, robot)).resolves.toMatchObject({ asked: true });
  const refused = check(address, robot, 'team/app');
  await expect(refused).rejects.toMatchObject({ code: 'REGISTRY_FORBIDDEN' });
  await expect(refused).rejects.toThrow(/team\/app:latest as "robot": it answered 403/);
});

test("a registry that is down, or broken, is not the password's fault", async () => {
  const registry = await launch();
  await registry.kill();
  await expect(check(registry.address, robot)).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
  const broken = await serve((_, response) => response.writeHead(503).end());
  await expect(check(broken, robot)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
});

test('a registry that echoes what it was sent brings no password into the answer', async () => {
  const address = await serve((request, response) => {
    const message = `bad ${request.headers.authorization ?? ''} ${PASSWORD}`;
    const body = JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message }] });
    response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end(body);
  });
  const refused = await check(address, robot).catch((error: Error) => error.message);
  expect(refused).toContain('answered 401');
  expect(refused).not.toContain(PASSWORD);
  expect(refused).not.toContain(robot.basicAuthorization().slice('Basic '.length));
});
