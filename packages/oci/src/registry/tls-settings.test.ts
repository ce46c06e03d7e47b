import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { pushImage, type RegistryProcess, selfSigned, startRegistry } from '@slipway/testing';
import { expect, onTestFinished, test } from 'vitest';
import { parseReference } from '../reference.ts';
import { parseRegistrySettings } from '../settings/parse-settings.ts';
import type { RegistrySettings } from '../settings/registry-settings.ts';
import { image, layer, platform, retries, SHORT, serve } from './hostile-pull.test-support.ts';
import { always, type Handler, honest } from './hostile-registry.test-support.ts';
import { RegistryClient, type RegistryClientOptions } from './registry-client.ts';
import type { RegistryError } from './registry-error.ts';
import { resolveImage } from './resolve.ts';

const clientKey = selfSigned(['slipway']);

const settingsOf = (settings: object): Promise<RegistrySettings> =>
  parseRegistrySettings(JSON.stringify(settings), 'registries.yaml', () => Promise.reject(new Error('names no files')));

interface Client {
  readonly client: RegistryClient;
  /** The digest of the image, or the code and words of the error. */
  readonly pull: (registry: string) => Promise<string>;
}

function clientWith(options: RegistryClientOptions): Client {
  const client = new RegistryClient({ retries: { ...retries, attempts: 1 }, ...options });
  onTestFinished(() => client.close());
  const pull = async (registry: string): Promise<string> => {
    const reference = parseReference(`${registry}/team/app:v1`);
    return resolveImage(client.repository(reference), reference, { platform }).then(
      ({ manifestDigest }) => manifestDigest,
      (error: RegistryError) => `${error.code} ${error.detail}`,
    );
  };
  return { client, pull };
}

/** A real registry that speaks TLS and has the image. */
async function tlsRegistry(clientAuthority?: string): Promise<RegistryProcess & { readonly certificate: string }> {
  const storage = await mkdtemp(join(tmpdir(), 'slipway-registry-data-'));
  onTestFinished(() => rm(storage, { recursive: true, force: true }));
  const plain = await startRegistry({ storage });
  await pushImage(plain, 'team/app', 'v1', image);
  await plain.stop();
  const registry = await startRegistry({ storage, tls: true, ...(clientAuthority ? { clientAuthority } : {}) });
  onTestFinished(() => registry.stop());
  return { ...registry, certificate: registry.certificate ?? '' };
}

/** A server that notes the certificates that clients show. */
async function curious(
  handler: Handler,
): Promise<{ address: string; certificate: string; shown: string[]; server: Server }> {
  const certificate = selfSigned(['127.0.0.1', 'localhost']);
  const shown: string[] = [];
  const options = { key: certificate.keyPem, cert: certificate.certPem, requestCert: true, rejectUnauthorized: false };
  const server = createServer(options, (request, response) => {
    shown.push((request.socket as TLSSocket).getPeerCertificate().subject?.CN?.toString() ?? 'none');
    handler(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    certificate: certificate.certPem,
    shown,
    server,
  };
}

test('a private authority is trusted for its registry, and for no other', async () => {
  const [registry, other] = [await tlsRegistry(), await tlsRegistry()];
  const registries = { [registry.address]: { ca: registry.certificate } };
  const { pull } = clientWith({ settings: await settingsOf({ registries }) });
  expect(await pull(registry.address)).toBe(image.manifest.digest);
  expect(await pull(other.address)).toMatch(/^REGISTRY_TLS_FAILED its TLS is not acceptable \(DEPTH_ZERO_SELF_SIGNED/);
  // The same server under another name is another registry.
  expect(await pull(`localhost:${registry.port}`)).toMatch(/^REGISTRY_TLS_FAILED/);
});

test('a registry that wants a client certificate gets the one that is set for it, and says so without', async () => {
  const registry = await tlsRegistry(clientKey.certPem);
  const ca = registry.certificate;
  const clientCertificate = { certificate: clientKey.certPem, key: clientKey.keyPem };
  const withIt = await settingsOf({ registries: { [registry.address]: { ca, clientCertificate } } });
  expect(await clientWith({ settings: withIt }).pull(registry.address)).toBe(image.manifest.digest);

  const without = await settingsOf({ registries: { [registry.address]: { ca } } });
  expect(await clientWith({ settings: without }).pull(registry.address)).toMatch(
    /^REGISTRY_TLS_FAILED it wants a client certificate, and got none or one that it does not take/,
  );
  const stranger = selfSigned(['stranger']);
  const wrong = { certificate: stranger.certPem, key: stranger.keyPem };
  const bad = await settingsOf({ registries: { [registry.address]: { ca, clientCertificate: wrong } } });
  expect(await clientWith({ settings: bad }).pull(registry.address)).toMatch(/^REGISTRY_TLS_FAILED it wants a client/);
});

test('a client certificate is shown to its registry alone: not to where that redirects, nor to its token server', async () => {
  const store = await curious(honest(image));
  const tokens = await curious(always(200, {}, '{"token":"t"}'));
  const registry = await curious((request, response) =>
    request.headers.authorization === undefined
      ? always(401, { 'www-authenticate': `Bearer realm="https://${tokens.address}/"` })(request, response)
      : always(307, { location: `https://${store.address}/v2/x/manifests/v1` })(request, response),
  );
  const clientCertificate = { certificate: clientKey.certPem, key: clientKey.keyPem };
  const registries = {
    [registry.address]: { ca: registry.certificate, clientCertificate },
    [store.address]: { ca: store.certificate },
    [tokens.address]: { ca: tokens.certificate },
  };
  expect(await clientWith({ settings: await settingsOf({ registries }) }).pull(registry.address)).toBe(
    image.manifest.digest,
  );
  expect([registry.shown, tokens.shown, store.shown]).toEqual([['slipway', 'slipway'], ['none'], ['none']]);
});

test('a registry cannot have another one asked with the client certificate that is set for that', async () => {
  const victim = await curious(honest(image));
  const attacker = await curious(always(307, { location: `https://${victim.address}/v2/secret/manifests/v1` }));
  const clientCertificate = { certificate: clientKey.certPem, key: clientKey.keyPem };
  const registries = {
    [victim.address]: { ca: victim.certificate, clientCertificate },
    [attacker.address]: { ca: attacker.certificate },
  };
  const { pull } = clientWith({ settings: await settingsOf({ registries }) });
  // First as a registry of its own, so that there is a socket to it that has shown the certificate.
  expect(await pull(victim.address)).toBe(image.manifest.digest);
  await pull(attacker.address);
  expect(victim.shown).toEqual(['slipway', 'none']);
});

test('a certificate goes unchecked only for those who are listed, by name or by the address connected to', async () => {
  const registry = await tlsRegistry();
  const pull = async (unverifiedTls: readonly string[], name = registry.address, rest: object = {}) =>
    clientWith({ settings: await settingsOf({ unverifiedTls, ...rest }) }).pull(name);
  const digest = image.manifest.digest;
  expect(await pull([registry.address])).toBe(digest);
  expect(await pull(['127.0.0.1'])).toBe(digest);
  expect(await pull(['127.0.0.0/8'])).toBe(digest);
  expect(await pull(['127.0.0.0/8'], `localhost:${registry.port}`)).toBe(digest);
  expect(await pull(['localhost'])).toMatch(/^REGISTRY_TLS_FAILED/);
  expect(await pull(['10.0.0.0/8', '127.0.0.1:1', '*.example'])).toMatch(/^REGISTRY_TLS_FAILED/);
  // A network does not undo what is set for a registry.
  const registries = { [registry.address]: { username: 'platform', password: 'secret' } };
  expect(await pull(['127.0.0.0/8'], registry.address, { registries })).toMatch(/^REGISTRY_TLS_FAILED/);
});

/** Names for loopback addresses, which count as registries elsewhere: `registry.test` is no `localhost`. */
const lookupOf = (addresses: () => readonly string[]) => async (): Promise<readonly string[]> => addresses();

test('plain http is spoken with a name whose addresses are all in a listed network, when it speaks no TLS', async () => {
  const [plain, secure] = [await serve(honest(image)), await serve(honest(image), { tls: true })];
  const settings = await settingsOf({ plainHttp: ['127.0.0.0/8'] });
  const { pull } = clientWith({ settings, lookup: lookupOf(() => ['127.0.0.1']) });
  expect(await pull(`registry.test:${plain.port}`)).toBe(image.manifest.digest);
  expect(await pull(`registry.test:${secure.port}`)).toMatch(/^REGISTRY_TLS_FAILED/);
  expect(secure.paths).toEqual([]);

  const both = clientWith({ settings, lookup: lookupOf(() => ['127.0.0.1', '10.0.0.1']) });
  expect(await both.pull(`registry.test:${plain.port}`)).not.toBe(image.manifest.digest);
  const unlisted = await settingsOf({ plainHttp: ['10.0.0.0/8'] });
  const other = clientWith({ settings: unlisted, lookup: lookupOf(() => ['127.0.0.1']) });
  expect(await other.pull(`registry.test:${plain.port}`)).not.toBe(image.manifest.digest);
  expect(plain.paths).toHaveLength(1);
});

test('a name that leads elsewhere once it was found to be plain is not asked in plain', async () => {
  const registry = await serve(honest(image));
  let answers = [['127.0.0.1'], ['127.0.0.2']];
  const lookup = lookupOf(() => answers.shift() ?? []);
  const { pull } = clientWith({ settings: await settingsOf({ plainHttp: ['127.0.0.1/32'] }), lookup });
  expect(await pull(`registry.test:${registry.port}`)).toBe(
    'ADDRESS_REFUSED registry.test leads to 127.0.0.2, which must not be asked over plain http',
  );
  answers = [['169.254.169.254'], ['169.254.169.254']];
  expect(await pull(`metadata.test:${registry.port}`)).toMatch(
    /^ADDRESS_REFUSED metadata.test leads to 169.254.169.254/,
  );
  expect(registry.paths).toEqual([]);
});

test('who hangs up on the handshake in a listed network gets no plain request', async () => {
  const registry = await serve(honest(image));
  let handshakes = 0;
  // Somebody in between, who lets nothing through but what he can read.
  const between = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (first) => {
      if (first[0] === TLS_HANDSHAKE) {
        handshakes += 1;
        socket.destroy();
      } else {
        socket.unshift(first);
        socket.pipe(connect(registry.port, '127.0.0.1')).pipe(socket);
      }
    });
  });
  between.listen(0, '127.0.0.1');
  await once(between, 'listening');
  onTestFinished(() => void between.close());
  const { port } = between.address() as AddressInfo;
  const settings = await settingsOf({ plainHttp: ['127.0.0.0/8'] });
  const { pull } = clientWith({ settings, lookup: lookupOf(() => ['127.0.0.1']) });
  expect(await pull(`registry.test:${port}`)).toMatch(/^REGISTRY_UNREACHABLE/);
  expect(handshakes).toBe(2);
  expect(registry.paths).toEqual([]);
});

/** The type of the first record (RFC 8446, 5.1). */
const TLS_HANDSHAKE = 22;

test('a network does not make a host plain that has credentials set for it', async () => {
  const registry = await serve(honest(image));
  const name = `registry.test:${registry.port}`;
  const lookup = lookupOf(() => ['127.0.0.1']);
  const registries = { [name]: { username: 'platform', password: 'secret' } };
  const settings = await settingsOf({ plainHttp: ['127.0.0.0/8'], registries });
  expect(await clientWith({ settings, lookup }).pull(name)).not.toBe(image.manifest.digest);
  expect(registry.paths).toEqual([]);
  const named = await settingsOf({ plainHttp: ['127.0.0.0/8', 'registry.test'], registries });
  expect(await clientWith({ settings: named, lookup }).pull(name)).toBe(image.manifest.digest);
});

test('one who answers no name resolution is given up in time', async () => {
  const lookup = (): Promise<readonly string[]> => Promise.withResolvers<readonly string[]>().promise;
  const { pull } = clientWith({ lookup, deadlines: { connectMs: 200 } });
  expect(await pull('registry.test')).toBe('REGISTRY_TIMEOUT it did not accept a connection in time');
  const settings = await settingsOf({ plainHttp: ['127.0.0.0/8'] });
  const networks = clientWith({ lookup, settings, deadlines: { probeMs: 200 } });
  expect(await networks.pull('registry.test')).toBe('REGISTRY_TIMEOUT it did not accept a connection in time');
});

test('settings are replaced while requests are under way: those finish, and the next ones are made anew', async () => {
  const connections = new Set<Socket>();
  const half = Promise.withResolvers<void>();
  const certificate = selfSigned(['127.0.0.1']);
  const server = createServer({ key: certificate.keyPem, cert: certificate.certPem }, (request, response) => {
    connections.add(request.socket);
    if (!request.url?.includes('/blobs/')) return honest(image)(request, response);
    const bytes = image.layers[0]?.bytes ?? Buffer.alloc(0);
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, 1_000));
    void half.promise.then(() => response.end(bytes.subarray(1_000)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const trusting = await settingsOf({ registries: { [address]: { ca: certificate.certPem } } });
  const { client, pull } = clientWith({ settings: trusting, deadlines: { ...SHORT, bodyIdleMs: 60_000 } });
  const repository = client.repository(parseReference(`${address}/team/app:v1`));
  const blob = await repository.openBlob(layer);
  expect(connections.size).toBe(1);

  client.useSettings(await settingsOf({}));
  expect(await pull(address)).toMatch(/^REGISTRY_TLS_FAILED/);
  client.useSettings(trusting);
  expect(await pull(address)).toBe(image.manifest.digest);
  // Not the socket that was opened under the settings before.
  expect(connections.size).toBe(2);
  half.resolve();
  expect(await buffer(blob)).toEqual(image.layers[0]?.bytes);
});

test('a socket of settings that hold no longer serves no further request, though it is idle and open', async () => {
  const registry = await serve(honest(image), { tls: true });
  const trusting = await settingsOf({ registries: { [registry.address]: { ca: registry.authorities[0] } } });
  const { client, pull } = clientWith({ settings: trusting });
  expect(await pull(registry.address)).toBe(image.manifest.digest);
  client.useSettings(await settingsOf({}));
  expect(await pull(registry.address)).toMatch(/^REGISTRY_TLS_FAILED/);
});

test('a token server of another site is trusted as long as the settings name it', async () => {
  const tokens = await serve(always(200, {}, '{"token":"t","expires_in":1}'));
  const realm = tokens.origin.replace('127.0.0.1', 'localhost');
  const registry = await serve((request, response) =>
    request.headers.authorization === undefined
      ? always(401, { 'www-authenticate': `Bearer realm="${realm}"` })(request, response)
      : honest(image)(request, response),
  );
  const registries = { [registry.address]: { username: 'platform', password: 'secret' } };
  let now = 0;
  const trusting = await settingsOf({ registries, trustedTokenHosts: ['LOCALHOST'] });
  const { client, pull } = clientWith({ settings: trusting, now: () => now });
  expect(await pull(registry.address)).toBe(image.manifest.digest);
  // The token has expired, and with it goes the way to the next one.
  now = 60_000;
  client.useSettings(await settingsOf({ registries }));
  expect(await pull(registry.address)).toMatch(/^TOKEN_REALM_REFUSED/);
  expect(tokens.paths).toHaveLength(1);
});
