import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Backend } from './backend.ts';
import type { Registration } from './registration.ts';
import { RouteTable } from './route-table.ts';
import { parseRouteUri } from './route-uri.ts';
import { specOf } from './test-endpoints.test-support.ts';

const TTL_MS = 120_000;

function tableOf(emptyPoolMs = 0): { table: RouteTable; gone: Backend[] } {
  const gone: Backend[] = [];
  const table = new RouteTable({
    ttlMs: TTL_MS,
    emptyPoolMs,
    defaultAlgorithm: 'round-robin',
    random: () => 0,
    onBackendGone: (backend) => gone.push(backend),
  });
  return { table, gone };
}

function registration(port: number, uris: readonly string[], more: Partial<Registration> = {}): Registration {
  const routes = uris.map((uri) => parseRouteUri(uri)).filter((route) => route !== undefined);
  return { endpoint: specOf(port), routes, ttlMs: 0, algorithm: undefined, hash: undefined, remarks: [], ...more };
}

const addresses = (table: RouteTable, host: string): string[] =>
  (table.lookup(host, '/')?.endpoints ?? []).map(({ spec }) => spec.address);

test('one address is one endpoint of a route, however often and in whatever case it is registered', () => {
  const { table } = tableOf();
  expect(table.register(registration(1, ['a.com', 'A.COM']), 0)).toMatchObject([{ kind: 'registered', uri: 'a.com' }]);
  expect(table.register(registration(1, ['a.com']), 1)).toEqual([]);
  expect(table.lookup('a.com:80', '/')?.endpoints).toHaveLength(1);
  expect(table).toMatchObject({ routeCount: 1, endpointCount: 1 });
});

test('the newest registration says what an endpoint is', () => {
  const { table } = tableOf();
  table.register(registration(1, ['a.com']), 0);
  const endpoint = specOf(1, { instanceIndex: '7', tags: { component: 'x' } });
  table.register(registration(1, ['a.com'], { endpoint, algorithm: 'least-connection' }), 1);
  expect(table.lookup('a.com', '/')).toMatchObject({ algorithm: 'least-connection', endpoints: [{ spec: endpoint }] });
  table.register(registration(1, ['a.com']), 2);
  expect(table.lookup('a.com', '/')?.algorithm).toBe('round-robin');
});

test('a route without endpoints is unknown at once, or known for a while when that is wanted', () => {
  const { table, gone } = tableOf();
  table.register(registration(1, ['a.com']), 0);
  table.unregister(registration(1, ['a.com']), 1);
  expect(table.lookup('a.com', '/')).toBeUndefined();
  expect(gone).toHaveLength(1);
  const { table: patient } = tableOf(5_000);
  patient.register(registration(1, ['a.com']), 0);
  patient.unregister(registration(1, ['a.com']), 1_000);
  patient.prune(5_999);
  expect(patient.lookup('a.com', '/')?.endpoints).toEqual([]);
  patient.prune(6_000);
  expect(patient.lookup('a.com', '/')).toBeUndefined();
});

test('an endpoint that is not registered any more is pruned, TLS endpoints are not', () => {
  const { table } = tableOf();
  table.register(registration(1, ['a.com']), 0);
  table.register(registration(2, ['a.com']), 1_000);
  table.register(registration(3, ['a.com'], { endpoint: specOf(3, { tls: true }) }), 0);
  expect(table.prune(TTL_MS)).toEqual([]);
  expect(table.prune(TTL_MS + 1)).toMatchObject([{ kind: 'pruned', spec: { port: 1 } }]);
  expect(addresses(table, 'a.com')).toEqual(['10.0.0.1:2', '10.0.0.1:3']);
});

test('a registration can ask for less time, not for more', () => {
  const { table } = tableOf();
  table.register(registration(1, ['a.com'], { ttlMs: 5_000 }), 0);
  table.register(registration(2, ['a.com'], { ttlMs: TTL_MS * 2 }), 0);
  table.prune(5_001);
  expect(addresses(table, 'a.com')).toEqual(['10.0.0.1:2']);
  table.prune(TTL_MS + 1);
  expect(table.routeCount).toBe(0);
});

test('after NATS was away everybody has the full time again', () => {
  const { table } = tableOf();
  table.register(registration(1, ['a.com']), 0);
  table.refreshAll(TTL_MS * 10);
  expect(table.prune(TTL_MS * 11)).toEqual([]);
});

test('an address that another instance registers leaves the routes of its former owner', () => {
  const { table, gone } = tableOf();
  table.register(registration(1, ['a.com', 'a.com/path']), 0);
  const changes = table.register(registration(1, ['b.com'], { endpoint: specOf(1, { instanceId: 'other' }) }), 1);
  expect(changes.map(({ kind, uri }) => `${kind} ${uri}`)).toEqual([
    'replaced a.com',
    'replaced a.com/path',
    'registered b.com',
  ]);
  expect(addresses(table, 'a.com')).toEqual([]);
  expect(addresses(table, 'b.com')).toEqual(['10.0.0.1:1']);
  expect(gone).toHaveLength(1);
});

test('a late unregistration of the former owner does not hurt the new one', () => {
  const { table } = tableOf();
  table.register(registration(1, ['a.com'], { endpoint: specOf(1, { instanceId: 'new' }) }), 0);
  expect(table.unregister(registration(1, ['a.com'], { endpoint: specOf(1, { instanceId: 'old' }) }), 1)).toEqual([]);
  expect(table.unregister(registration(1, ['a.com'], { endpoint: specOf(1, { instanceId: '' }) }), 2)).toHaveLength(1);
});

test('a backend is shared by its routes, and gone with the last of them', () => {
  const { table, gone } = tableOf();
  table.register(registration(1, ['a.com', 'b.com']), 0);
  expect(table.lookup('a.com', '/')?.endpoints[0]?.backend).toBe(table.lookup('b.com', '/')?.endpoints[0]?.backend);
  table.unregister(registration(1, ['a.com']), 1);
  expect(gone).toEqual([]);
  table.unregister(registration(1, ['b.com']), 2);
  expect(gone.map(({ address }) => address)).toEqual(['10.0.0.1:1']);
});

test('whatever messages come, the table holds exactly what was last said of each address', () => {
  const host = fc.constantFrom('a.com', 'b.com', 'a.com/x');
  const operation = fc.record({
    kind: fc.constantFrom('register', 'unregister', 'wait'),
    port: fc.integer({ min: 1, max: 3 }),
    instance: fc.constantFrom('i', 'j'),
    uris: fc.uniqueArray(host, { minLength: 1 }),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
      const { table, gone } = tableOf();
      /** By address: its owner, and when each of its routes was last registered. */
      const model = new Map<number, { instance: string; routes: Map<string, number> }>();
      let now = 0;
      for (const { kind, port, instance, uris } of operations) {
        const message = registration(port, uris, { endpoint: specOf(port, { instanceId: instance }) });
        const owner = model.get(port);
        if (kind === 'register') {
          table.register(message, now);
          const routes = owner?.instance === instance ? owner.routes : new Map<string, number>();
          for (const uri of uris) routes.set(uri, now);
          model.set(port, { instance, routes });
        } else if (kind === 'unregister') {
          table.unregister(message, now);
          if (owner?.instance === instance) for (const uri of uris) owner.routes.delete(uri);
        } else {
          now += TTL_MS / 2 + 1;
          table.prune(now);
          for (const { routes } of model.values()) {
            for (const [uri, seen] of routes) if (now - seen > TTL_MS) routes.delete(uri);
          }
        }
        for (const [known, { routes }] of model) if (routes.size === 0) model.delete(known);
      }
      const held = [...table.routes()].flatMap(({ uri, endpoints }) =>
        endpoints.map(({ spec }) => `${uri} ${spec.port} ${spec.instanceId}`),
      );
      const said = [...model].flatMap(([port, { instance, routes }]) =>
        [...routes.keys()].map((uri) => `${uri} ${port} ${instance}`),
      );
      expect(held.toSorted()).toEqual(said.toSorted());
      expect(table.endpointCount).toBe(said.length);
      expect(table.routeCount).toBe(new Set([...model.values()].flatMap(({ routes }) => [...routes.keys()])).size);
      // A backend that is gone is never one that a route leads to.
      for (const { endpoints } of table.routes())
        for (const { backend } of endpoints) expect(gone).not.toContain(backend);
    }),
    { numRuns: 1_000 },
  );
});
