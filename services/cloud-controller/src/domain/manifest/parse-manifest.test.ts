import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_APPLICATIONS, parseManifest } from './parse-manifest.ts';

const problemsOf = (...applications: unknown[]): readonly string[] => {
  const result = parseManifest({ applications });
  return result.outcome === 'rejected' ? result.problems : [];
};
const appOf = (application: Record<string, unknown>) => {
  const result = parseManifest({ version: 1, applications: [{ name: 'a', ...application }] });
  if (result.outcome === 'rejected') throw new Error(result.problems.join());
  return result.apps[0];
};

test('what the cf CLI sends for an image and its flags', () => {
  expect(
    appOf({
      'disk-quota': '512M',
      docker: { image: 'nginx', username: 'u' },
      'health-check-type': 'http',
      'health-check-http-endpoint': '/up',
      timeout: 30,
      instances: 2,
      memory: '1G',
      'default-route': true,
      'log-rate-limit-per-second': '16K',
      command: 'null',
    }),
  ).toEqual({
    name: 'a',
    docker: true,
    env: {},
    metadata: undefined,
    features: {},
    sidecars: [],
    processes: [
      {
        type: 'web',
        command: null,
        diskMb: 512,
        healthCheckType: 'http',
        healthCheckEndpoint: '/up',
        timeoutS: 30,
        instances: 2,
        memoryMb: 1024,
        logRateBytesPerSecond: 16_384,
      },
    ],
    routes: { kind: 'default' },
    services: [],
  });
});

test('sidecars, readiness checks, users and options of routes are read', () => {
  const application = {
    'readiness-health-check-type': 'none',
    processes: [
      {
        type: 'web',
        user: 'vcap',
        'readiness-health-check-type': 'http',
        'readiness-health-check-http-endpoint': '/ready',
        'readiness-health-check-invocation-timeout': 2,
        'readiness-health-check-interval': 3,
      },
    ],
    sidecars: [
      { name: 'proxy', command: 'run', 'process-types': ['web'], memory: '1G', colour: 'blue' },
      { name: 'other', command: 'run', process_types: ['web', 'worker'] },
    ],
    routes: [{ route: 'a.b', options: { loadbalancing: 'least-connection' } }],
  };
  const app = appOf(application);
  expect(app?.processes).toEqual([
    {
      type: 'web',
      user: 'vcap',
      readinessType: 'http',
      readinessEndpoint: '/ready',
      readinessInvocationTimeoutS: 2,
      readinessIntervalS: 3,
    },
  ]);
  expect(app?.sidecars).toEqual([
    { name: 'proxy', command: 'run', types: ['web'], memoryMb: 1024 },
    { name: 'other', command: 'run', types: ['web', 'worker'], memoryMb: undefined },
  ]);
  expect(app?.routes).toMatchObject({ routes: [{ options: { loadbalancing: 'least-connection' } }] });
  expect(appOf({ 'readiness-health-check-type': 'none' })?.processes).toEqual([
    { type: 'web', readinessType: 'process' },
  ]);
});

test('keys may have dashes or underscores, and not both', () => {
  expect(appOf({ disk_quota: '1G' })?.processes).toEqual(appOf({ 'disk-quota': '1G' })?.processes);
  expect(problemsOf({ name: 'a', 'disk-quota': '1G', disk_quota: '1G' })).toEqual([
    "For application 'a': 'disk_quota' is given twice",
  ]);
});

test('keys of the user stay as they are', () => {
  const app = appOf({ env: { 'A-B': 1, C: true, D: null, E: '1' }, metadata: { labels: { 'a-b': 1 } } });
  expect(app?.env).toEqual({ 'A-B': '1', C: 'true', D: null, E: '1' });
  expect(app?.metadata).toEqual({ labels: { 'a-b': '1' } });
});

test("an entry for web stands for all that the app's own level says", () => {
  const processes = [
    { type: 'web', memory: '64M' },
    { type: 'worker', 'health-check-type': 'none' },
  ];
  expect(appOf({ instances: 3, memory: '1G', processes })?.processes).toEqual([
    { type: 'web', memoryMb: 64 },
    { type: 'worker', healthCheckType: 'process' },
  ]);
  expect(appOf({ instances: 3, processes: [{ type: 'worker' }] })?.processes).toEqual([
    { type: 'web', instances: 3 },
    { type: 'worker' },
  ]);
});

test('features may be switched off and on', () => {
  expect(appOf({ features: { revisions: false, ssh: false } })?.features).toEqual({ revisions: false, ssh: false });
  expect(appOf({ features: { revisions: true, 'service-binding-k8s': false } })?.features).toEqual({
    revisions: true,
    'service-binding-k8s': false,
  });
  expect(appOf({})?.features).toEqual({});
});

test('no-route goes before routes, these before random-route, that before default-route', () => {
  const routes = [{ route: 'a.example.com/x', protocol: 'http2' }];
  const all = { 'no-route': true, routes, 'random-route': true, 'default-route': true };
  expect(appOf(all)?.routes).toEqual({ kind: 'none' });
  expect(appOf({ ...all, 'no-route': false })?.routes).toEqual({
    kind: 'listed',
    routes: [{ text: 'a.example.com/x', hostname: 'a.example.com', path: '/x', protocol: 'http2', options: {} }],
  });
  expect(appOf({ 'random-route': true, 'default-route': true })?.routes).toEqual({ kind: 'random' });
  expect(appOf({})?.routes).toEqual({ kind: 'unchanged' });
});

test.each([
  [{ memory: 256 }, 'Memory must use a supported unit: B, K, KB, M, MB, G, GB, T, or TB'],
  [{ memory: '10' }, 'Memory must use a supported unit: B, K, KB, M, MB, G, GB, T, or TB'],
  [{ memory: '1K' }, 'Memory must be at least 1M'],
  [{ disk_quota: '5000T' }, 'Disk quota is too large'],
  [{ instances: '2' }, 'Instances must be a number'],
  [{ instances: 1.5 }, 'Instances must be an integer'],
  [{ instances: -1 }, 'Instances must be greater than or equal to 0'],
  [{ env: { A: { b: 1 } } }, "Environment variable 'A' must be a text, a number or a boolean"],
  [{ env: { VCAP_X: 'y' } }, "Environment variables cannot start with 'VCAP_'"],
  [{ metadata: { labels: { 'a b': 'c' } } }, "Metadata label key error: 'a b' contains invalid characters"],
  [{ routes: 'x' }, 'Routes must be an array'],
  [{ routes: [{ route: 'tcp://a.b:1' }] }, "The route 'tcp://a.b:1' is a TCP route"],
  [{ buildpacks: ['ruby'] }, "Slipway runs Docker images only: remove 'buildpacks'"],
  [{ lifecycle: 'cnb' }, 'Lifecycle must be "docker"'],
  [{ sidecars: {} }, 'Sidecars must be an array of sidecar configurations'],
  [{ sidecars: [{ name: 'x', process_types: ['web'] }] }, `Sidecar "x": Command can't be blank`],
  [{ sidecars: [{ command: 'x', process_types: ['web'] }] }, "Sidecar name can't be blank"],
  [{ sidecars: [{ name: 'x', command: 'y', process_types: [] }] }, 'Sidecar "x": Process types must have at least 1'],
  [{ sidecars: [{ name: 'x', command: 'y', process_types: ['web'], memory: 7 }] }, 'Sidecar "x": Memory must use'],
  [{ routes: [{ route: 'a.b', options: { loadbalancing: 'hash' } }] }, "Cannot use loadbalancing value 'hash'"],
  [{ routes: [{ route: 'a.b', options: { colour: 1 } }] }, "Route 'a.b' contains invalid route option 'colour'"],
  [{ processes: [{ type: 'web' }, { type: 'web' }] }, 'Process "web" may only be present once'],
  [{ 'readiness-health-check-type': 'tcp' }, 'Readiness health check type must be one of'],
  [{ 'readiness-health-check-interval': 0 }, 'Readiness health check interval must be greater than or equal to 1'],
])('%j is refused: %s', (application, text) => {
  const problems = problemsOf({ name: 'a', ...application });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(`For application 'a': ${text}`);
});

test('keys that mean nothing are ignored', () => {
  const result = parseManifest({
    applications: [
      {
        name: 'a',
        colour: 'blue',
        docker: { image: 'x', password: 'y' },
        routes: [{ route: 'a.b', weight: 1 }],
        processes: [{ type: 'web', size: 'XL' }],
      },
    ],
    more: 1,
  });
  expect(result.outcome).toBe('parsed');
  expect(JSON.stringify(result)).not.toMatch(/colour|password|weight|size|more/);
});

test('every app has a name of its own', () => {
  expect(problemsOf({ memory: '1M' }, { name: '' }, 'text')).toEqual([
    "For application at index 0: Name can't be blank",
    "For application at index 1: Name can't be blank",
    'For application at index 2: Body must be an object',
  ]);
  expect(problemsOf({ name: 'a' }, { name: 'A' })).toEqual([
    "For application 'A': Name must be unique in the manifest",
  ]);
});

test.each([
  [undefined, "Body can't be blank"],
  [null, 'Body must be an object'],
  [{}, "Cannot parse manifest with no 'applications' field."],
  [{ applications: [] }, "Cannot parse manifest with no 'applications' field."],
  [{ applications: [{ name: 'a' }], version: 2 }, 'Unsupported manifest schema version'],
])('%j is no manifest', (document, text) => {
  const result = parseManifest(document);
  expect(result.outcome === 'rejected' && result.problems[0]).toContain(text);
});

test('anything is either parsed or refused with texts', () => {
  const key = fc.constantFrom(
    'name',
    'env',
    'routes',
    'processes',
    'memory',
    'metadata',
    'type',
    'route',
    '__proto__',
    'x',
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<unknown>('a', '1M', 1, -1, 1.5, true, null, 'a.example.com'),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(key, tie('any'), { maxKeys: 4 }),
    ),
  })).any;
  fc.assert(
    fc.property(fc.array(value, { maxLength: 3 }), (applications) => {
      const result = parseManifest({ applications });
      if (result.outcome === 'rejected') expect(result.problems.length).toBeGreaterThan(0);
      else expect(result.apps).toHaveLength(applications.length);
    }),
  );
});

test('more apps than are applied in one go are refused', () => {
  const document = (count: number) => ({
    applications: Array.from({ length: count }, (_, i) => ({ name: `app-${i}` })),
  });
  expect(parseManifest(document(MAX_APPLICATIONS)).outcome).toBe('parsed');
  expect(parseManifest(document(MAX_APPLICATIONS + 1))).toEqual({
    outcome: 'rejected',
    problems: ['Applications must have at most 1000 items'],
  });
});
