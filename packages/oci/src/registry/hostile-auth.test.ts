import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { inspect } from 'node:util';
import { buildImage, buildLayer } from '@slipway/testing';
import { expect, test } from 'vitest';
import { parseReference } from '../reference.ts';
import { RegistryCredentials } from './credentials.ts';
import { closing, PASSWORD, serve } from './hostile-pull.test-support.ts';
import { always, endless, type Handler, type HostileServer, honest } from './hostile-registry.test-support.ts';
import { RegistryClient, type RegistryClientOptions } from './registry-client.ts';
import { RegistryError } from './registry-error.ts';
import { resolveImage } from './resolve.ts';

const SECRETS = [PASSWORD, Buffer.from(`alice:${PASSWORD}`).toString('base64'), 'canary-token'];
const image = buildImage({ layers: [buildLayer([{ name: 'a', content: 'a' }])] });

interface Pull extends RegistryClientOptions {
  readonly anonymous?: boolean;
  readonly path?: string;
}

async function pull(server: { readonly address: string }, options: Pull = {}) {
  const steps: string[] = [];
  const client = new RegistryClient({ retries: { baseMs: 1, capMs: 2 }, ...options });
  closing.push(() => client.close());
  const reference = parseReference(`${server.address}/team/app:v1`);
  const credentials = options.anonymous ? undefined : new RegistryCredentials('alice', PASSWORD);
  const repository = client.repository(reference, { credentials, onStep: (text) => steps.push(text) });
  const result = await resolveImage(repository, reference, {
    platform: { os: 'linux', architecture: 'amd64' },
  }).catch((error: unknown) => error);
  const printed = `${steps.join('\n')} ${result instanceof Error ? `${inspect(result, { depth: 9 })} ${JSON.stringify(result)}` : ''}`;
  for (const secret of SECRETS) {
    expect(printed).not.toContain(secret);
  }
  return result;
}

async function refused(server: { readonly address: string }, options?: Pull): Promise<RegistryError> {
  const result = await pull(server, options);
  expect(result).toBeInstanceOf(RegistryError);
  return result as RegistryError;
}

/** What a server was sent must hold no secret. */
function expectNothingStolen(server: HostileServer): void {
  for (const secret of SECRETS) {
    expect(server.loot()).not.toContain(secret);
  }
}

const token = (body: object = { token: 'canary-token' }): Handler => always(200, {}, JSON.stringify(body));

/** Wants a token of `realm`, and is honest with those who bring one. */
const bearer =
  (realm: () => string, extra = ''): Handler =>
  (request, response) =>
    request.headers.authorization?.startsWith('Bearer ')
      ? honest(image)(request, response)
      : always(401, { 'www-authenticate': `Bearer realm="${realm()}",service="s"${extra}` })(request, response);

test('a token server of the same host gets the credentials, and the registry gets the token', async () => {
  const tokens = await serve(token());
  const registry = await serve(bearer(() => `${tokens.origin}/token?account=x`));
  expect(await pull(registry)).toMatchObject({ manifestDigest: image.manifest.digest });
  expect(tokens.paths).toEqual(['GET /token?account=x&service=s&scope=repository%3Ateam%2Fapp%3Apull']);
  expect(tokens.loot()).toContain(SECRETS[1]);
  expect(registry.loot()).toContain('canary-token');
  expect(registry.loot()).not.toContain(SECRETS[1]);
});

test('a token server elsewhere does not get the credentials, unless the operator trusts it', async () => {
  const thief = await serve(token());
  const realm = thief.origin.replace('127.0.0.1', 'localhost');
  const registry = await serve(bearer(() => realm));
  const error = await refused(registry);
  expect(error).toMatchObject({ code: 'TOKEN_REALM_REFUSED', kind: 'forbidden', phase: 'authentication' });
  expect(error.message).toContain(`the token server "${realm}", which is no part of 127.0.0.1's site`);
  expect(thief.paths).toEqual([]);

  expect(await pull(registry, { trustedTokenHosts: ['localhost'] })).toMatchObject({
    manifestDigest: image.manifest.digest,
  });
});

test('without credentials a token server elsewhere is asked: there is nothing to lose', async () => {
  const tokens = await serve(token({ access_token: 'anonymous', expires_in: 300 }));
  const registry = await serve(bearer(() => tokens.origin.replace('127.0.0.1', 'localhost')));
  expect(await pull(registry, { anonymous: true })).toMatchObject({ manifestDigest: image.manifest.digest });
  expect(tokens.loot()).not.toMatch(/authorization/i);
});

test('an https registry cannot send the credentials to a plain http token server', async () => {
  const thief = await serve(token());
  const registry = await serve(
    bearer(() => thief.origin),
    { tls: true },
  );
  const error = await refused(registry, { extraAuthorities: registry.authorities });
  expect(error.code).toBe('TOKEN_REALM_REFUSED');
  expect(error.message).toContain('which is not https');
  expect(thief.paths).toEqual([]);
});

test.each([
  ['user info', 'http://bob:builder@127.0.0.1:1/token', 'user info'],
  ['no URL', 'not a url', 'not a URL'],
  ['nothing', '', 'not a URL'],
  ['a file', 'file:///etc/passwd', 'not https'],
  ['a script', 'javascript:alert(1)', 'not https'],
])('a realm of %s is refused', async (_name, realm, reason) => {
  const error = await refused(await serve(bearer(() => realm)));
  expect(error.code).toBe('TOKEN_REALM_REFUSED');
  expect(error.message).toContain(reason);
  expect(error.message).not.toContain('builder');
});

test('the scope asked for is pulling this repository, whatever the challenge wants', async () => {
  const tokens = await serve(token());
  const wants = ',scope="repository:other/secret:pull,push,delete registry:catalog:*"';
  await pull(await serve(bearer(() => tokens.origin, wants)));
  expect(tokens.paths).toEqual(['GET /?service=s&scope=repository%3Ateam%2Fapp%3Apull']);
});

test('a scope in a word of its own, as public.ecr.aws has it, is passed on', async () => {
  const tokens = await serve(token());
  await pull(await serve(bearer(() => tokens.origin, ',scope="aws"')));
  expect(tokens.paths).toEqual(['GET /?service=s&scope=aws']);
});

test('a token server that redirects is not followed', async () => {
  const thief = await serve(token());
  const tokens = await serve((_request, response) => {
    response.writeHead(307, { location: `${thief.origin}/token` }).end();
  });
  const error = await refused(await serve(bearer(() => tokens.origin)));
  expect(error).toMatchObject({ code: 'TOKEN_INVALID', status: 307 });
  expect(error.message).toContain('a redirect, which is not followed');
  expect(thief.paths).toEqual([]);
});

test.each<[name: string, handler: Handler]>([
  ['no JSON', always(200, {}, '<html>')],
  ['the bare token', always(200, {}, 'canary-token')],
  ['a token without its quotes', always(200, {}, '{"token":canary-token}')],
  ['an empty object', token({})],
  ['an empty token', token({ token: '' })],
  ['a token that splits the header', token({ token: 'a\r\nX-Injected: 1' })],
  ['a token of a hundred kilobytes', token({ token: 'x'.repeat(100_000) })],
  ['a number', token({ token: 1 })],
  ['a life of no number', token({ token: 'x', expires_in: 'soon' })],
])('a token server that answers with %s gives no token', async (_name, handler) => {
  const tokens = await serve(handler);
  const error = await refused(await serve(bearer(() => tokens.origin)));
  expect(error).toMatchObject({ code: 'TOKEN_INVALID', phase: 'authentication', registry: tokens.address });
});

test('a token server that says the token lives for no time does not know it', async () => {
  for (const expires_in of [0, -1]) {
    const tokens = await serve(token({ token: 'canary-token', expires_in }));
    expect(await pull(await serve(bearer(() => tokens.origin)))).toMatchObject({
      manifestDigest: image.manifest.digest,
    });
  }
});

test('a token in an answer that breaks off as HTTP does not get into the error', async () => {
  const tokens = await serve((_request, { socket }) => {
    socket?.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno size {"token":"canary-token"}\r\n');
  });
  const error = await refused(await serve(bearer(() => tokens.origin)));
  expect(error.code).toBe('REGISTRY_PROTOCOL');
  expect(error.message).toContain('its answer is not HTTP');
});

test('a token without end is cut off', async () => {
  const tokens = await serve(endless(200, {}, ' '.repeat(65_536)));
  expect((await refused(await serve(bearer(() => tokens.origin)))).code).toBe('DOCUMENT_TOO_LARGE');
});

test('a token server that repeats the password does not get it into the error', async () => {
  const tokens = await serve((request, response) => {
    const message = `no: ${request.headers.authorization}`;
    response.writeHead(401).end(JSON.stringify({ errors: [{ code: 'DENIED', message }] }));
  });
  const error = await refused(await serve(bearer(() => tokens.origin)));
  expect(error.message).toContain('401 (DENIED: no: Basic [redacted])');
});

test('a token that the registry refuses is asked for once more per request, not for ever', async () => {
  const tokens = await serve(token());
  const registry = await serve(always(401, { 'www-authenticate': `Bearer realm="${tokens.origin}"` }));
  expect((await refused(registry)).code).toBe('REGISTRY_UNAUTHORIZED');
  expect([tokens.paths.length, registry.paths.length]).toEqual([1, 2]);
});

/** Wants a password, and sends those who bring one elsewhere. */
const redirectTo =
  (location: () => string): Handler =>
  (request, response) =>
    request.headers.authorization === undefined
      ? always(401, { 'www-authenticate': 'Basic realm="x"' })(request, response)
      : always(307, { location: location() })(request, response);

test('a redirect to another origin is followed without the credentials, and its 401 is not answered', async () => {
  const store = await serve(honest(image));
  expect(await pull(await serve(redirectTo(() => `${store.origin}/v2/x/manifests/y?signature=z`)))).toMatchObject({
    manifestDigest: image.manifest.digest,
  });
  expect(store.paths).toEqual(['GET /v2/x/manifests/y?signature=z']);
  expectNothingStolen(store);

  const thief = await serve(always(401, { 'www-authenticate': 'Basic realm="x"' }));
  const error = await refused(await serve(redirectTo(() => `${thief.origin}/x?signature=canary-query`)));
  expect(error.code).toBe('REGISTRY_UNAUTHORIZED');
  expect(`${error.message} ${error.url}`).not.toContain('canary-query');
  expect(thief.paths.length).toBe(1);
  expectNothingStolen(thief);
});

test('credentials do not come back on the way through another origin', async () => {
  let registry: HostileServer;
  const back = await serve((_request, response) => {
    response.writeHead(307, { location: `${registry.origin}/v2/back/manifests/v1` }).end();
  });
  registry = await serve((request, response) =>
    request.url?.startsWith('/v2/back/')
      ? honest(image)(request, response)
      : redirectTo(() => back.origin)(request, response),
  );
  expect(await pull(registry)).toMatchObject({ manifestDigest: image.manifest.digest });
  const last = registry.loot().split('\n').at(-1);
  expect(last).toContain('/v2/back/');
  expect(last).not.toContain(SECRETS[1]);
  expectNothingStolen(back);
});

test('a redirect within the registry keeps the credentials', async () => {
  const registry = await serve((request, response) =>
    request.url?.includes('/moved/')
      ? honest(image)(request, response)
      : redirectTo(() => '/v2/moved/manifests/v1')(request, response),
  );
  expect(await pull(registry)).toMatchObject({ manifestDigest: image.manifest.digest });
  expect(registry.loot().split('\n').at(-1)).toContain(SECRETS[1]);
});

test.each<[name: string, location: string, reason: string]>([
  ['to no place', '', 'names no place'],
  ['to nonsense', 'http://[::', 'names no place'],
  ['to a file', 'file:///etc/passwd', 'not http'],
  ['with user info', 'http://u:p@127.0.0.1/', 'user info'],
])('a redirect %s is refused', async (_name, location, reason) => {
  const error = await refused(await serve(redirectTo(() => location)));
  expect(error).toMatchObject({ code: 'REDIRECT_REFUSED', kind: 'forbidden', status: 307 });
  expect(error.message).toContain(reason);
});

test('a redirect from https to plain http is refused', async () => {
  const thief = await serve(honest(image));
  const registry = await serve(
    redirectTo(() => thief.origin),
    { tls: true },
  );
  const error = await refused(registry, { extraAuthorities: registry.authorities });
  expect(error.code).toBe('REDIRECT_REFUSED');
  expect(error.message).toContain('from https to plain http');
  expect(thief.paths).toEqual([]);
});

test('five redirects are followed and a sixth is not', async () => {
  const hops =
    (limit: number): Handler =>
    (request, response) => {
      const hop = Number(/hop(\d+)/.exec(request.url ?? '')?.[1] ?? 0);
      (hop === limit ? honest(image) : always(302, { location: `/v2/hop${hop + 1}/manifests/v1` }))(request, response);
    };
  expect(await pull(await serve(hops(5)))).toMatchObject({ manifestDigest: image.manifest.digest });
  const error = await refused(await serve(hops(6)));
  expect(error.code).toBe('REDIRECT_REFUSED');
  expect(error.message).toContain('more than 5 times');
});

test.each([
  'http://169.254.169.254/latest/meta-data',
  'http://[fe80::1]/',
  'http://0.0.0.0:1/',
  'http://[::ffff:169.254.169.254]/',
])('neither a redirect nor a realm leads to %s', async (target) => {
  expect((await refused(await serve(redirectTo(() => target)))).code).toBe('ADDRESS_REFUSED');
  expect((await refused(await serve(bearer(() => target)), { anonymous: true })).code).toBe('ADDRESS_REFUSED');
});

test('a metadata address is no registry', async () => {
  const error = await refused({ address: '169.254.169.254' }, { plainHttp: ['169.254.169.254'] });
  expect(error.code).toBe('ADDRESS_REFUSED');
});

test('a registry on the plain http list is never asked for TLS', async () => {
  const firsts: string[] = [];
  const server = createServer((socket) => {
    socket.once('data', (data) => {
      firsts.push(data.toString('latin1'));
      socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => void server.close());
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect((await refused({ address }, { plainHttp: [address] })).code).toBe('MANIFEST_NOT_FOUND');
  expect(firsts.map((first) => first.slice(0, 4))).toEqual(['GET ']);
});
