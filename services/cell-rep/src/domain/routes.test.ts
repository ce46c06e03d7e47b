import { routerRegisterSchema } from '@slipway/contracts';
import { expect, test } from 'vitest';
import { routesGone, routesOf } from './routes.ts';
import { sampleGuid, sampleInstance, sampleLrp } from './samples.test-support.ts';

const two = sampleLrp({
  ports: [8080, 9090],
  routes: [
    { uri: 'dora.apps.localhost', port: 8080, protocol: 'http1' },
    { uri: 'admin.apps.localhost/x', port: 9090, protocol: 'http2' },
    { uri: 'other.apps.localhost', port: 7000, protocol: 'http1' },
  ],
});
const instance = sampleInstance(1, {
  index: 3,
  ports: [8080, 9090].map((port) => ({ containerPort: port, hostPort: port })),
});

test('a running instance has a message for each route to a port of its own', () => {
  const routes = routesOf(two, instance, 'z1');
  expect(routes.map(({ uris, port, protocol }) => ({ uris, port, protocol }))).toEqual([
    { uris: ['dora.apps.localhost'], port: 8080, protocol: 'http1' },
    { uris: ['admin.apps.localhost/x'], port: 9090, protocol: 'http2' },
  ]);
  expect(routes[0]).toEqual({
    host: '10.254.0.2',
    port: 8080,
    protocol: 'http1',
    uris: ['dora.apps.localhost'],
    app: sampleGuid(10),
    private_instance_id: sampleGuid(1),
    private_instance_index: '3',
    endpoint_updated_at_ns: Date.parse(instance.since) * 1e6,
    availability_zone: 'z1',
    tags: {
      source_id: sampleGuid(10),
      app_name: 'dora',
      process_instance_id: sampleGuid(1),
      instance_id: '3',
      component: 'cell-rep',
    },
  });
  for (const route of routes) routerRegisterSchema.parse(route);
  // Gorouter decodes it into an int64.
  expect(JSON.stringify(routes[0])).toMatch(/"endpoint_updated_at_ns":\d+,/);
});

test('nothing is routed to what does not run, may not be routed to, or has no address', () => {
  expect(routesOf(two, { ...instance, state: 'CLAIMED' }, 'z1')).toEqual([]);
  expect(routesOf(two, { ...instance, routable: false }, 'z1')).toEqual([]);
  const { address: _, ...homeless } = instance;
  expect(routesOf(two, homeless, 'z1')).toEqual([]);
});

test('only what is no longer there is taken back', () => {
  const before = routesOf(two, instance, 'z1');
  const after = routesOf(
    { ...two, routes: two.routes.slice(0, 1) },
    { ...instance, since: '2026-02-01T00:00:00.000Z' },
    'z1',
  );
  expect(routesGone(before, after).map(({ uris }) => uris)).toEqual([['admin.apps.localhost/x']]);
});
