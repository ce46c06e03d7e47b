import { desiredLrpSchema } from '@slipway/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stagedResult } from '../../../testing/fixtures.ts';
import { environmentProblems } from '../names/environment-names.ts';
import { buildRunInfo, type RunInfo, type RunInfoInput, runInfoSchema, toDesiredLrp } from './run-info.ts';

const guid = (letter: string): string =>
  `${letter.repeat(8)}-${letter.repeat(4)}-4${letter.repeat(3)}-8${letter.repeat(3)}-${letter.repeat(12)}`;
const { image, execution } = stagedResult(guid('0'));

const input: RunInfoInput = {
  apiUrl: 'http://localhost:8080',
  app: { guid: guid('a'), name: 'demo' },
  space: { guid: guid('b'), name: 'dev' },
  organization: { guid: guid('c'), name: 'acme' },
  process: {
    guid: guid('a'),
    version: guid('d'),
    type: 'web',
    command: null,
    memoryMb: 512,
    diskMb: 1024,
    logRateBytesPerSecond: -1,
    healthCheck: { type: 'port', endpoint: null, invocationTimeoutS: null, intervalS: null },
    readinessCheck: { type: 'process', endpoint: null, invocationTimeoutS: null, intervalS: null },
    user: null,
    startTimeoutS: 60,
  },
  image,
  execution,
  credentials: undefined,
  userVariables: {},
  services: [],
  serviceMode: 'environment',
  sidecars: [],
  placementTags: [],
  runningGroup: {},
  destinations: [{ url: 'demo.apps.localhost', port: null }],
};

function built(more: Partial<RunInfoInput> = {}): RunInfo {
  const result = buildRunInfo({ ...input, ...more });
  if (result.outcome !== 'built') throw new Error(result.reason);
  return result.runInfo;
}

const state = { instances: 2, routes: [], updatedAt: '2026-11-20T10:00:00.000Z', retire: [] };

test('what no message could carry is refused, with its size', () => {
  const services = (value: string) => [
    { instance: { guid: 'i', name: 'db', tags: [] }, binding: { guid: 'b', name: null }, credentials: { value } },
  ];
  const build = (value: string) => buildRunInfo({ ...input, serviceMode: 'k8s', services: services(value) });
  expect(build('"'.repeat(900_000)).outcome).toBe('built');
  // Six bytes each in JSON.
  const result = build('\u0001'.repeat(900_000));
  expect(result.outcome === 'rejected' && result.reason).toMatch(
    /^The environment, services and sidecars of app 'demo' are too large: 54\d{5} bytes, of at most 3145728$/,
  );
});

test('sidecars, a readiness check and a user are in it', () => {
  const sidecars = [{ name: 'proxy', command: 'run', memoryMb: 100 }];
  const readinessCheck = { type: 'http', endpoint: '/up', invocationTimeoutS: null, intervalS: 5 } as const;
  const process = { ...input.process, readinessCheck, user: 'vcap' };
  const lrp = toDesiredLrp(built({ sidecars, process }), state);
  expect(desiredLrpSchema.parse(lrp)).toEqual(lrp);
  expect(lrp).toMatchObject({
    action: { user: 'vcap', environment: { MEMORY_LIMIT: '412m' } },
    sidecars: [{ name: 'proxy', environment: { MEMORY_LIMIT: '100m' } }],
    readinessCheck: { type: 'http', endpoint: '/up', invocationTimeoutMs: 1_000, intervalMs: 5_000 },
    resources: { memoryMb: 512 },
  });
});

test('an LRP has the defaults of Cloud Foundry', () => {
  const lrp = toDesiredLrp(built(), state);
  expect(desiredLrpSchema.parse(lrp)).toEqual(lrp);
  expect(lrp).toMatchObject({
    processGuid: `${guid('a')}-${guid('d')}`,
    domain: 'cf-apps',
    instances: 2,
    ports: [8080, 9090],
    action: { argv: ['/bin/server', '--dir', '/www'], workdir: '/www', user: 'app', imageEnv: execution.env },
    resources: { memoryMb: 512, diskMb: 1024, cpuWeight: 6, maxPids: 1024, nofile: 16_384, logRateBytesPerSecond: -1 },
    healthCheck: { type: 'port', invocationTimeoutMs: 1_000, intervalMs: 30_000 },
    startTimeoutMs: 60_000,
    log: { sourceId: guid('a'), sourceType: 'APP/PROC/WEB' },
  });
  expect(lrp).not.toHaveProperty('retire');
  expect(lrp).not.toHaveProperty('defaultRoutePort');
});

test('what an image leaves open is the root directory and root', () => {
  const bare = { ...execution, workdir: '', user: '', ports: [] };
  expect(built({ execution: bare })).toMatchObject({ ports: [8080], action: { workdir: '/', user: 'root' } });
});

test('an image with nothing to execute is rejected unless the user gives a command', () => {
  const bare = { ...execution, entrypoint: [], cmd: [] };
  expect(buildRunInfo({ ...input, execution: bare })).toMatchObject({ outcome: 'rejected' });
  const process = { ...input.process, command: 'exec app' };
  expect(built({ execution: bare, process }).action.argv).toEqual(['/bin/sh', '-c', 'exec app']);
});

test.each([
  [64, 1],
  [128, 1],
  [1024, 12],
  [8192, 100],
  [65_536, 100],
])('%i MB weigh %i', (memoryMb, weight) => {
  expect(built({ process: { ...input.process, memoryMb } }).resources.cpuWeight).toBe(weight);
});

test('routes without a port lead to the first that the image EXPOSEs', () => {
  const runInfo = built({
    destinations: [
      { url: 'a', port: 5000 },
      { url: 'b', port: null },
    ],
  });
  const lrp = toDesiredLrp(runInfo, {
    ...state,
    routes: [
      { url: 'a', port: 5000, protocol: 'http1' },
      { url: 'b', port: null, protocol: 'http2' },
    ],
    retire: [guid('e')],
  });
  expect(lrp.ports).toEqual([5000, 8080, 9090]);
  expect(lrp.routes).toEqual([
    { uri: 'a', port: 5000, protocol: 'http1' },
    { uri: 'b', port: 8080, protocol: 'http2' },
  ]);
  expect(lrp.retire).toEqual([guid('e')]);
});

test('whatever users and images say, what is built is a valid record and survives being stored', () => {
  const argument = fc.string();
  const port = fc.record({
    port: fc.integer({ min: 1, max: 65_535 }),
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
  });
  const arbitrary = fc.record({
    command: fc.option(fc.string()),
    entrypoint: fc.array(argument),
    cmd: fc.array(argument),
    env: fc.array(fc.string()),
    workdir: fc.string(),
    user: fc.string(),
    ports: fc.array(port),
    userVariables: fc.dictionary(fc.string(), fc.string()).filter((vars) => environmentProblems(vars).length === 0),
    memoryMb: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    type: fc.constantFrom('web', 'worker', 'ünïcode'),
    check: fc.constantFrom('port' as const, 'http' as const, 'process' as const),
  });
  fc.assert(
    fc.property(arbitrary, ({ command, userVariables, memoryMb, type, check, ...rest }) => {
      const healthCheck = { ...input.process.healthCheck, type: check };
      const process = { ...input.process, command, memoryMb, type, healthCheck };
      const result = buildRunInfo({ ...input, process, execution: rest, userVariables });
      if (result.outcome === 'rejected') {
        expect(rest.entrypoint.length + rest.cmd.length).toBe(0);
        return;
      }
      expect(runInfoSchema.parse(JSON.parse(JSON.stringify(result.runInfo)))).toEqual(result.runInfo);
      const lrp = toDesiredLrp(result.runInfo, state);
      expect(desiredLrpSchema.parse(lrp)).toEqual(lrp);
      if (check !== 'process') expect(lrp.ports.length).toBeGreaterThan(0);
    }),
  );
});

test("the image's own check and directories go with the process, the check only where it is switched on", () => {
  const own = { ...execution, healthcheck: { test: ['CMD', '/check'] }, volumes: ['/data'] };
  expect(built({ execution: own })).not.toHaveProperty('imageHealthCheck');
  const on = built({ execution: own, process: { ...input.process, usesImageHealthCheck: true } });
  expect(on.imageHealthCheck).toMatchObject({ argv: ['/check'], retries: 3 });
  expect(on.healthCheck.type).toBe('port');
  expect(on.action.imageVolumes).toEqual(['/data']);
});
