import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { HOST, startBackend, startProxy } from './proxy.test-support.ts';
import { rawClient, rawExchange } from './raw-client.test-support.ts';

const run = promisify(execFile);
const get = `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`;
let directory: string;
let certificate: string;
let key: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'router-tls-'));
  const [keyFile, certFile] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  const names = ['-subj', '/CN=x', '-addext', 'subjectAltName=DNS:instance-1'];
  await run('openssl', ['req', '-x509', ...curve, ...names, '-keyout', keyFile, '-out', certFile]);
  [certificate, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function startTlsBackend(options: TlsOptions = {}): Promise<number> {
  const server = createServer({ cert: certificate, key, ...options }, (_, response) => response.end('over TLS'));
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

test('an endpoint with a tls_port is spoken to over TLS, on connections that are used again', async () => {
  const proxy = await startProxy({}, certificate);
  proxy.register(9, { tls_port: await startTlsBackend(), server_cert_domain_san: 'instance-1' });
  for (let i = 0; i < 3; i++) expect(await rawExchange(proxy.port, get)).toMatch(/^HTTP\/1.1 200[\s\S]*over TLS$/);
  expect(proxy.upstreams).toMatchObject({ dialed: 1, reused: 2 });
});

test('a certificate with another name is 503', async () => {
  const proxy = await startProxy({}, certificate);
  proxy.register(0, { tls_port: await startTlsBackend(), server_cert_domain_san: 'instance-2' });
  expect(await rawExchange(proxy.port, get)).toMatch(
    /^HTTP\/1.1 503 Service Unavailable\r\n[\s\S]*endpoint_failure \(x509/,
  );
  expect(proxy.failures).toMatchObject([{ kind: 'tls-hostname' }]);
});

test('a certificate that nobody vouches for is 526', async () => {
  const proxy = await startProxy();
  proxy.register(0, { tls_port: await startTlsBackend(), server_cert_domain_san: 'instance-1' });
  const answer = await rawExchange(proxy.port, get);
  expect(answer).toMatch(/^HTTP\/1.1 526 status code 526\r\n[\s\S]*526 Invalid SSL Certificate\n$/);
});

test('a plain server on a TLS port is 525', async () => {
  const proxy = await startProxy({}, certificate);
  proxy.register(0, { tls_port: (await startBackend((_, response) => response.end())).port });
  expect(await rawExchange(proxy.port, get)).toMatch(
    /^HTTP\/1.1 525 status code 525\r\n[\s\S]*525 SSL Handshake Failed\n$/,
  );
});

test.each([
  ['tls1_2', 525],
  ['tls1_3', 496],
])('a backend that wants a client certificate says so by an alert: %s, %i', async (version, status) => {
  const proxy = await startProxy({}, certificate);
  proxy.register(0, { tls_port: await startOpenSslServer(version), server_cert_domain_san: 'instance-1' });
  expect(await rawExchange(proxy.port, get)).toMatch(new RegExp(`^HTTP/1.1 ${status} status code ${status}\r\n`));
});

test('a body that comes after the first backend has refused goes to the next one', async () => {
  const proxy = await startProxy({}, certificate);
  proxy.register(0, { tls_port: await startOpenSslServer('tls1_3') });
  const echo = await startBackend((request, response) => request.pipe(response));
  proxy.register(echo.port);
  const client = await rawClient(proxy.port);
  client.send(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\nContent-Length: 8\r\n\r\n`);
  await proxy.until(() => proxy.failures.length === 1);
  client.send('the body');
  expect(await client.ended()).toMatch(/^HTTP\/1.1 200[\s\S]*the body/);
});

/** Node's own server closes without the alert by which a client certificate is asked for. */
async function startOpenSslServer(version: string): Promise<number> {
  const identity = ['-cert', join(directory, 'cert.pem'), '-key', join(directory, 'key.pem')];
  const server = spawn('openssl', ['s_server', '-accept', '127.0.0.1:0', `-${version}`, '-Verify', '1', ...identity]);
  onTestFinished(() => {
    server.kill('SIGKILL');
  });
  let output = '';
  const port = Promise.withResolvers<number>();
  server.once('exit', () => port.reject(new Error(`openssl ended: ${output}`)));
  server.stdout.on('data', (bytes: Buffer) => {
    output += bytes.toString();
    const found = /ACCEPT 127\.0\.0\.1:(\d+)/.exec(output)?.[1];
    if (found !== undefined) port.resolve(Number(found));
  });
  return port.promise;
}
