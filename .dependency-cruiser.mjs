// Who may import whom. infra/src/check/dependency-rules.test.ts plants a violation of each rule and expects it caught.

/** Test code, and what only tests use. */
const tests = '(\\.test|\\.test-support)\\.ts$|^(packages|services)/[^/]+/(src/)?testing/';
/** Where the pure decisions live. */
const domain = '/src/domain/';
/** A file that another workspace may import: the package's index, or its test support's. */
const packageEntries = '^packages/[^/]+/(src|testing|src/testing)/index\\.ts$';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'services-never-import-services',
      comment: 'Services talk by messages only.',
      severity: 'error',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'services-are-processes',
      comment: 'Whoever runs a service starts its main.ts as a process.',
      severity: 'error',
      from: { path: '^(packages|infra|e2e|bench)/' },
      to: { path: '^services/' },
    },
    {
      name: 'nothing-below-imports-infra',
      comment: 'Packages and services know nothing of how they are run.',
      severity: 'error',
      from: { path: '^(packages|services)/' },
      to: { path: '^(infra|e2e|bench)/' },
    },
    {
      name: 'testing-only-in-tests',
      comment: 'packages/testing is for tests, the demo (infra), e2e and bench.',
      severity: 'error',
      from: { path: '^(packages|services)/', pathNot: ['^packages/testing/', tests] },
      to: { path: ['^packages/testing/', '^(packages|services)/[^/]+/(src/)?testing/'] },
    },
    {
      name: 'domain-is-pure-no-node',
      comment: 'Decisions take what they need as arguments: no file, socket, clock or process.',
      severity: 'error',
      from: { path: domain, pathNot: tests },
      to: { dependencyTypes: ['core'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'domain-is-pure-no-edges',
      comment: 'Adapters and handlers import the domain, never the other way round.',
      severity: 'error',
      from: { path: domain, pathNot: tests },
      to: { path: '/src/(adapters|handlers|routes)/|/src/(app|main|config)\\.ts$' },
    },
    {
      name: 'domain-is-pure-no-io-packages',
      comment: 'These packages do I/O; their types may be used.',
      severity: 'error',
      from: { path: domain, pathNot: tests },
      to: { path: '^packages/(bus|garden|testing)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'domain-is-pure-no-npm',
      comment: 'zod is the only library of the domain.',
      severity: 'error',
      from: { path: domain, pathNot: tests },
      to: { path: 'node_modules/', pathNot: 'node_modules/zod/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'adapters-stand-alone',
      comment: 'An adapter knows the domain and its own folder; app.ts joins adapters.',
      severity: 'error',
      from: { path: '^((?:services|packages)/[^/]+)/src/adapters/([^/]+)/', pathNot: tests },
      to: {
        path: '^$1/src/(adapters/[^/]+/|handlers/|routes/|app\\.ts|main\\.ts)',
        pathNot: '^$1/src/adapters/$2/',
      },
    },
    {
      name: 'packages-only-by-their-index',
      comment: 'What src/index.ts does not export is private.',
      severity: 'error',
      from: { path: '^(?:packages|services)/([^/]+)/' },
      to: { path: '^packages/', pathNot: ['^packages/$1/', packageEntries] },
    },
    {
      name: 'packages-only-by-their-index-from-outside',
      comment: 'The same for infra, e2e and bench.',
      severity: 'error',
      from: { path: '^(infra|e2e|bench)/' },
      to: { path: ['^packages/', '^infra/'], pathNot: ['^$1/', packageEntries, '^infra/src/index\\.ts$'] },
    },
    {
      name: 'no-circular',
      comment: 'A cycle means that two things are one thing.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-undeclared-dependency',
      comment: "Import only what the workspace's own package.json names.",
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown'] },
    },
    {
      name: 'no-dev-dependency-in-production',
      comment: 'Code that runs in production must not need a devDependency.',
      severity: 'error',
      from: { path: '^(packages|services|infra)/[^/]*/?src/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-unresolvable',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // TypeScript 7 has no JS API: with the default parser dependency-cruiser sees no import and finds "no violations".
    parser: 'swc',
    // A workspace's tests use vitest and fast-check of the root package.json.
    combinedDependencies: true,
    doNotFollow: { path: 'node_modules/' },
    exclude: { path: '(^|/)\\.tsbuild/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.json', '.d.ts'],
    },
  },
};
