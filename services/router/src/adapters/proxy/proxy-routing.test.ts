import type { RouterRegister } from '@slipway/contracts';
import { expect, test } from 'vitest';
import { HOST, startBackend, startProxy, type TestProxy } from './proxy.test-support.ts';
import { rawExchange } from './raw-client.test-support.ts';

const GUID = '11111111-2222-4333-8444-555555555555';

const get = (port: number, fields = '', path = '/', host = HOST): Promise<string> =>
  rawExchange(port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${fields}Connection: close\r\n\r\n`);

/** Backends that answer with their names, registered as instances 0, 1, … of one app. */
async function startInstances(names: readonly string[], options?: RouterRegister['options']): Promise<TestProxy> {
  const proxy = await startProxy();
  for (const [index, name] of names.entries()) {
    const backend = await startBackend((request, response) => {
      if (request.url?.endsWith('/login') === true)
        response.setHeader('set-cookie', 'JSESSIONID=s; Path=/; Secure; SameSite=Lax');
      response.end(name);
    });
    proxy.register(backend.port, {
      uris: [HOST, `${HOST}/Ctx`],
      app: GUID,
      private_instance_id: `instance-${name}`,
      private_instance_index: String(index),
      tags: { process_id: GUID },
      ...(options === undefined ? {} : { options }),
    });
  }
  return proxy;
}

const bodies = (answers: readonly string[]): string[] => answers.map((answer) => answer.split('\r\n\r\n')[1] ?? '');

test('requests take turns over the instances', async () => {
  const proxy = await startInstances(['a', 'b', 'c']);
  const answers: string[] = [];
  for (let i = 0; i < 6; i++) answers.push(await get(proxy.port));
  expect(bodies(answers)).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
});

test('a route by hash leads requests of one header value to one instance, and others to each in turn', async () => {
  const proxy = await startInstances(['a', 'b', 'c'], { loadbalancing: 'hash', hash_header: 'X-Tenant' });
  const homes = new Set<string>();
  for (let tenant = 0; tenant < 12; tenant++) {
    const answers: string[] = [];
    for (let i = 0; i < 3; i++) answers.push(await get(proxy.port, `x-tenant: tenant-${tenant}\r\n`));
    expect(new Set(bodies(answers)).size).toBe(1);
    homes.add(bodies(answers)[0] ?? '');
  }
  expect(homes).toEqual(new Set(['a', 'b', 'c']));
  const others: string[] = [];
  for (let i = 0; i < 3; i++) others.push(await get(proxy.port));
  expect(bodies(others).toSorted()).toEqual(['a', 'b', 'c']);
});

test('an unknown route is answered in Gorouter’s words', async () => {
  const proxy = await startProxy();
  const answer = await get(proxy.port, '', '/x', 'nowhere.test:8080');
  expect(answer).toMatch(/^HTTP\/1.1 404 Not Found\r\n/);
  expect(answer).toContain('X-Cf-RouterError: unknown_route\r\n');
  expect(answer).toContain('Cache-Control: no-cache, no-store\r\n');
  expect(answer).toContain('Content-Type: text/plain; charset=utf-8\r\n');
  expect(answer).toContain('X-Content-Type-Options: nosniff\r\n');
  expect(answer).not.toContain('X-Vcap-Request-Id');
  expect(bodies([answer])).toEqual(["404 Not Found: Requested route ('nowhere.test') does not exist.\n"]);
});

test('HEAD of an unknown route has the same head and no body', async () => {
  const proxy = await startProxy();
  const answer = await rawExchange(proxy.port, 'HEAD / HTTP/1.1\r\nHost: nowhere.test\r\nConnection: close\r\n\r\n');
  expect(answer).toMatch(/Content-Length: 64\r\n[\s\S]*\r\n\r\n$/);
});

test.each([
  ['an empty host', ''],
  ['the client’s own address', '127.0.0.1'],
])('%s is 400, briefly cached', async (_, host) => {
  const proxy = await startProxy();
  const answer = await get(proxy.port, '', '/', host);
  expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
  expect(answer).toContain('X-Cf-RouterError: empty_host\r\n');
  expect(answer).toContain('Cache-Control: public,max-age=2\r\n');
  expect(bodies([answer])).toEqual(['400 Bad Request: Request had empty Host header\n']);
});

test('a route may be registered for the address that clients use', async () => {
  const proxy = await startProxy();
  proxy.register((await startBackend((_, response) => response.end('mine'))).port, { uris: ['127.0.0.1'] });
  expect(bodies([await get(proxy.port, '', '/', '127.0.0.1')])).toEqual(['mine']);
});

test('a request for one instance goes there, and its header does not', async () => {
  const proxy = await startInstances(['a', 'b', 'c']);
  for (let i = 0; i < 3; i++) {
    expect(bodies([await get(proxy.port, `X-Cf-App-Instance: ${GUID}:1\r\n`)])).toEqual(['b']);
    expect(bodies([await get(proxy.port, `X-Cf-Process-Instance: ${GUID}:2\r\n`)])).toEqual(['c']);
  }
});

test.each([
  [
    `X-Cf-App-Instance: ${GUID}:9`,
    'unknown_route',
    `Requested instance ('9') with guid ('${GUID}') does not exist for route ('${HOST}')`,
  ],
  [
    `X-Cf-Process-Instance: ${GUID}:9`,
    'unknown_route',
    `Requested instance ('9') with process guid ('${GUID}') does not exist for route ('${HOST}')`,
  ],
  ['X-Cf-App-Instance: nonsense', 'invalid_cf_app_instance_header', 'Invalid X-CF-App-Instance Header'],
  [`X-Cf-App-Instance: ${GUID}:`, 'invalid_cf_app_instance_header', 'Invalid X-CF-App-Instance Header'],
  ['X-Cf-Process-Instance: x', 'invalid_cf_process_instance_header', 'Invalid X-CF-Process-Instance Header'],
])('%s is 400 %s', async (field, error, text) => {
  const proxy = await startInstances(['a']);
  const answer = await get(proxy.port, `${field}\r\n`);
  expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
  expect(answer).toContain(`X-Cf-RouterError: ${error}\r\n`);
  expect(bodies([answer])).toEqual([`400 Bad Request: ${text}\n`]);
});

test('a session stays on its instance', async () => {
  const proxy = await startInstances(['a', 'b', 'c']);
  const login = await get(proxy.port, '', '/login');
  expect(login).toContain('Set-Cookie: __VCAP_ID__=instance-a; Path=/; HttpOnly; Secure; SameSite=Lax\r\n');
  for (let i = 0; i < 4; i++) {
    const answer = await get(proxy.port, 'Cookie: x=y; JSESSIONID=s; __VCAP_ID__=instance-b\r\n');
    expect(bodies([answer])).toEqual(['b']);
    expect(answer).not.toContain('Set-Cookie');
  }
});

test('a session cookie of a route with a path is for that path, in the letter case of its registration', async () => {
  const proxy = await startInstances(['a']);
  expect(await get(proxy.port, '', '/CTX/login')).toContain('__VCAP_ID__=instance-a; Path=/Ctx; ');
});

test('a session whose instance is gone moves to another, and is told so', async () => {
  const proxy = await startInstances(['a', 'b']);
  const answer = await get(proxy.port, 'Cookie: JSESSIONID=s; __VCAP_ID__=instance-gone\r\n');
  expect(answer).toContain('Set-Cookie: __VCAP_ID__=instance-a; Path=/; HttpOnly\r\n');
});

test('without a session cookie of the app’s the instance cookie means nothing', async () => {
  const proxy = await startInstances(['a', 'b']);
  const answers: string[] = [];
  for (let i = 0; i < 4; i++) answers.push(await get(proxy.port, 'Cookie: __VCAP_ID__=instance-b\r\n'));
  expect(bodies(answers)).toEqual(['a', 'b', 'a', 'b']);
});
