import { expect, test } from 'vitest';
import { readRegistration } from './registration.ts';

const message = { host: '10.0.0.1', port: 8080, uris: ['a.com'] };

test('what Diego’s route-emitter sends is read', () => {
  expect(
    readRegistration({
      ...message,
      uris: ['a.com', 'b.com/path'],
      app: 'the-app',
      private_instance_id: 'the-instance',
      private_instance_index: '2',
      tags: { component: 'route-emitter' },
      stale_threshold_in_seconds: 60,
      options: { loadbalancing: 'least-connection' },
    }),
  ).toEqual({
    endpoint: {
      address: '10.0.0.1:8080',
      host: '10.0.0.1',
      port: 8080,
      tls: false,
      serverCertDomainSan: '',
      appId: 'the-app',
      instanceId: 'the-instance',
      instanceIndex: '2',
      tags: { component: 'route-emitter' },
    },
    routes: [expect.objectContaining({ key: 'a.com' }), expect.objectContaining({ key: 'b.com/path' })],
    ttlMs: 60_000,
    algorithm: 'least-connection',
    hash: undefined,
    remarks: [],
  });
});

test('a TLS port wins over a plain one', () => {
  expect(readRegistration({ ...message, tls_port: 443, server_cert_domain_san: 'x' })).toMatchObject({
    endpoint: { address: '10.0.0.1:443', tls: true, serverCertDomainSan: 'x' },
  });
  expect(readRegistration({ ...message, tls_port: 0 })).toMatchObject({ endpoint: { port: 8080, tls: false } });
});

test('an IPv6 address gets brackets', () => {
  expect(readRegistration({ ...message, host: 'fd00::1' })).toMatchObject({ endpoint: { address: '[fd00::1]:8080' } });
});

test.each([
  [{ port: 0 }, 'no-port'],
  [{ host: 'a b' }, 'unsupported-host'],
  [{ host: 'a\r\nX: y' }, 'unsupported-host'],
  [{ server_cert_domain_san: 'a\r\nX: y' }, 'unsupported-server-name'],
  [{ route_service_url: 'https://x.com' }, 'unsupported-route-service'],
])('%j is refused: %s', (more, fault) => {
  expect(readRegistration({ ...message, ...more })).toBe(fault);
});

test('load balancing by hash needs a header, and is none without', () => {
  const read = (options: Record<string, unknown>) => readRegistration({ ...message, options });
  expect(read({ loadbalancing: 'hash', hash_header: 'X-Tenant', hash_balance: 1.5 })).toMatchObject({
    algorithm: undefined,
    hash: { header: 'x-tenant', balance: 1.5 },
    remarks: [],
  });
  expect(read({ loadbalancing: 'hash' })).toMatchObject({
    algorithm: undefined,
    hash: undefined,
    remarks: ['load balancing by hash without the name of a header'],
  });
  expect(read({ loadbalancing: 'round-robin', hash_header: 'X-Tenant' })).toMatchObject({ hash: undefined });
});

test('what makes no sense is left out with a remark', () => {
  const read = readRegistration({
    ...message,
    uris: ['a.com', 'not a route'],
    private_instance_id: 'x; Domain=evil.com',
    options: { loadbalancing: 'by-mood' },
  });
  expect(read).toMatchObject({ algorithm: undefined, endpoint: { instanceId: '' }, routes: [{ key: 'a.com' }] });
  expect(typeof read === 'string' ? [] : read.remarks).toHaveLength(3);
});
