import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  DEFAULT_PORT,
  defaultRoutePort,
  exposedTcpPorts,
  openPorts,
  type PortsInput,
  servesDestinations,
} from './ports.ts';

const web: PortsInput = {
  explicitPorts: [],
  hasPortlessDestination: false,
  exposedPorts: [],
  processType: 'web',
  checksPort: true,
};
const worker: PortsInput = { ...web, processType: 'worker', checksPort: false };

test.each<[string, PortsInput, number[]]>([
  ['web without anything', web, [8080]],
  ['web of an image with ports', { ...web, exposedPorts: [3000, 9090] }, [3000, 9090]],
  ['web with a route without port', { ...web, hasPortlessDestination: true }, [8080]],
  ['web with a route to a port', { ...web, explicitPorts: [5000], exposedPorts: [3000] }, [5000]],
  [
    'web with both kinds of routes',
    { ...web, explicitPorts: [5000], hasPortlessDestination: true, exposedPorts: [3000] },
    [5000, 3000],
  ],
  ['web with both kinds and no EXPOSE', { ...web, explicitPorts: [5000], hasPortlessDestination: true }, [5000, 8080]],
  [
    'a port named twice',
    { ...web, explicitPorts: [3000, 3000], hasPortlessDestination: true, exposedPorts: [3000] },
    [3000],
  ],
  ['worker without anything', worker, []],
  ['worker of an image with ports', { ...worker, exposedPorts: [3000] }, [3000]],
  ['worker that is checked on a port', { ...worker, checksPort: true }, [8080]],
])('%s', (_, input, ports) => {
  expect(openPorts(input)).toEqual(ports);
});

const port = fc.integer({ min: 1, max: 65_535 });
const inputs = fc.record({
  explicitPorts: fc.array(port, { maxLength: 5 }),
  hasPortlessDestination: fc.boolean(),
  exposedPorts: fc.uniqueArray(port, { maxLength: 5 }).map((ports) => ports.sort((a, b) => a - b)),
  processType: fc.constantFrom('web', 'worker'),
  checksPort: fc.boolean(),
});

test('no port comes twice, every named one is there, and a web process always has one', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const ports = openPorts(input);
      expect(new Set(ports).size).toBe(ports.length);
      expect(ports).toEqual(expect.arrayContaining(input.explicitPorts));
      if (input.processType === 'web' || input.checksPort) expect(ports.length).toBeGreaterThan(0);
    }),
  );
});

test('every destination of a new version is served by it', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const ports = openPorts(input);
      const running = { ports, defaultRoutePort: defaultRoutePort(input.exposedPorts, ports) };
      const destinations = [
        ...input.explicitPorts.map((number) => ({ port: number })),
        ...(input.hasPortlessDestination ? [{ port: null }] : []),
      ];
      expect(servesDestinations(running, destinations)).toBe(true);
      const free = [...Array(10).keys()].map((number) => 60_000 + number).find((number) => !ports.includes(number));
      expect(servesDestinations(running, [{ port: free ?? 0 }])).toBe(false);
    }),
  );
});

test('of what an image EXPOSEs only tcp counts, the lowest first', () => {
  const ports = [
    { port: 9090, protocol: 'tcp' as const },
    { port: 53, protocol: 'udp' as const },
    { port: 8081, protocol: 'tcp' as const },
  ];
  expect(exposedTcpPorts({ ports })).toEqual([8081, 9090]);
  expect(defaultRoutePort([], [])).toBe(DEFAULT_PORT);
});
