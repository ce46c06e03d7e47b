import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repositoryRoot } from '../process/repository-root.ts';
import { runCommand } from '../process/run-command.ts';

/** A repository of our layout in which nothing is wrong. */
const clean: Readonly<Record<string, string>> = {
  'package.json': '{"name":"slipway","private":true,"type":"module","devDependencies":{"vitest":"1.0.0"}}',
  'packages/oci/package.json':
    '{"name":"@slipway/oci","type":"module","exports":{".":"./src/index.ts","./testing":"./testing/index.ts"}}',
  'packages/oci/src/index.ts': "export { digest } from './digest.ts';",
  'packages/oci/src/digest.ts': 'export const digest = (a: string): string => a;',
  'packages/oci/src/digest.test.ts': "import '@slipway/testing'; import 'vitest'; import './digest.ts';",
  'packages/oci/testing/index.ts': 'export const suite = 1;',
  'packages/bus/package.json': '{"name":"@slipway/bus","type":"module","exports":{".":"./src/index.ts"}}',
  'packages/bus/src/index.ts': 'export interface Bus { readonly name: string }\nexport const bus = 1;',
  'packages/testing/package.json': '{"name":"@slipway/testing","type":"module","exports":{".":"./src/index.ts"}}',
  'packages/testing/src/index.ts': "import { digest } from '@slipway/oci';\nexport const launch = digest;",
  'services/stager/package.json':
    '{"name":"@slipway/stager","type":"module","dependencies":{"zod":"4.0.0","undici":"8.0.0"}}',
  'services/stager/src/main.ts': "import './app.ts';",
  'services/stager/src/app.ts': "import './adapters/nats/queue.ts';\nimport './adapters/http/registry.ts';",
  'services/stager/src/adapters/nats/queue.ts': "import '../../domain/plan.ts';\nexport const queue = 1;",
  'services/stager/src/adapters/http/registry.ts': "import { request } from 'undici';\nexport const r = request;",
  'services/stager/src/domain/plan.ts': [
    "import type { Stats } from 'node:fs';",
    "import type { Bus } from '@slipway/bus';",
    "import { digest } from '@slipway/oci';",
    "import { z } from 'zod';",
    'export const plan = (s: Stats, b: Bus): string => digest(z.string().parse(`$' + '{s.size}$' + '{b.name}`));',
  ].join('\n'),
  'services/router/package.json': '{"name":"@slipway/router","type":"module"}',
  'services/router/src/main.ts': 'export const main = 1;',
  'infra/package.json': '{"name":"@slipway/infra","type":"module","exports":{".":"./src/index.ts"}}',
  'infra/src/index.ts': "export * from './supervisor.ts';",
  'infra/src/supervisor.ts': "import { launch } from '@slipway/testing';\nexport const supervise = launch;",
  'e2e/package.json': '{"name":"@slipway/e2e","type":"module"}',
  'e2e/push.test.ts': "import '@slipway/infra';\nimport '@slipway/testing';",
  'bench/package.json': '{"name":"@slipway/bench","type":"module"}',
  'bench/src/main.ts': "import '@slipway/infra';",
};

/** Each rule with files that break it, and nothing else. */
const planted: readonly { readonly rule: string; readonly files: Readonly<Record<string, string>> }[] = [
  {
    rule: 'services-never-import-services',
    files: { 'services/stager/src/app.ts': "import '../../router/src/main.ts';" },
  },
  { rule: 'services-are-processes', files: { 'e2e/push.test.ts': "import '../services/router/src/main.ts';" } },
  {
    rule: 'services-are-processes',
    files: { 'packages/bus/src/index.ts': "import '../../../services/router/src/main.ts';" },
  },
  { rule: 'nothing-below-imports-infra', files: { 'services/stager/src/app.ts': "import '@slipway/infra';" } },
  { rule: 'testing-only-in-tests', files: { 'services/stager/src/app.ts': "import '@slipway/testing';" } },
  { rule: 'testing-only-in-tests', files: { 'packages/bus/src/index.ts': "import '@slipway/oci/testing';" } },
  { rule: 'testing-only-in-tests', files: { 'services/stager/src/app.ts': "await import('@slipway/testing');" } },
  { rule: 'domain-is-pure-no-node', files: { 'services/stager/src/domain/plan.ts': "import 'node:fs/promises';" } },
  {
    rule: 'domain-is-pure-no-edges',
    files: { 'services/stager/src/domain/plan.ts': "import '../adapters/http/registry.ts';" },
  },
  {
    rule: 'domain-is-pure-no-edges',
    files: {
      'services/stager/src/handlers/request.ts': 'export const h = 1;',
      'services/stager/src/domain/plan.ts': "import '../handlers/request.ts';",
    },
  },
  {
    rule: 'domain-is-pure-no-io-packages',
    files: { 'services/stager/src/domain/plan.ts': "import { bus } from '@slipway/bus';\nexport const b = bus;" },
  },
  {
    rule: 'domain-is-pure-no-npm',
    files: { 'services/stager/src/domain/plan.ts': "import { request } from 'undici';\nexport const r = request;" },
  },
  {
    rule: 'adapters-stand-alone',
    files: { 'services/stager/src/adapters/nats/queue.ts': "import '../http/registry.ts';" },
  },
  {
    rule: 'packages-only-by-their-index',
    files: { 'services/stager/src/app.ts': "import '../../../packages/oci/src/digest.ts';" },
  },
  {
    rule: 'packages-only-by-their-index-from-outside',
    files: { 'e2e/push.test.ts': "import '../infra/src/supervisor.ts';" },
  },
  {
    rule: 'no-circular',
    files: {
      'packages/oci/src/digest.ts': "import './manifest.ts';\nexport const digest = 1;",
      'packages/oci/src/manifest.ts': "import './digest.ts';",
    },
  },
  { rule: 'no-undeclared-dependency', files: { 'services/router/src/main.ts': "import 'undici';" } },
  { rule: 'no-dev-dependency-in-production', files: { 'services/router/src/main.ts': "import 'vitest';" } },
  { rule: 'no-unresolvable', files: { 'services/router/src/main.ts': "import './gone.ts';" } },
];

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dependency-rules-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

async function plant(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const dir = join(root, name);
  for (const [path, text] of Object.entries({ ...clean, ...files })) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
  await mkdir(join(dir, 'node_modules/@slipway'), { recursive: true });
  for (const workspace of ['packages/oci', 'packages/bus', 'packages/testing', 'infra']) {
    await symlink(join(dir, workspace), join(dir, 'node_modules/@slipway', workspace.replace('packages/', '')));
  }
  for (const library of ['zod', 'undici', 'vitest']) {
    await symlink(join(repositoryRoot, 'node_modules', library), join(dir, 'node_modules', library));
  }
  return dir;
}

async function rulesBroken(dir: string): Promise<string[]> {
  const depcruise = join(repositoryRoot, 'node_modules/.bin/depcruise');
  const config = join(repositoryRoot, '.dependency-cruiser.mjs');
  const args = ['--config', config, '--output-type', 'json', 'packages', 'services', 'infra', 'e2e', 'bench'];
  const { output } = await runCommand(depcruise, args, { cwd: dir });
  const report = JSON.parse(output) as { summary: { violations: { rule: { name: string } }[]; totalCruised: number } };
  expect(report.summary.totalCruised).toBeGreaterThan(10);
  return [...new Set(report.summary.violations.map((violation) => violation.rule.name))];
}

test('a repository that follows the rules passes', async () => {
  expect(await rulesBroken(await plant('clean', {}))).toEqual([]);
});

test.each(planted)('a planted violation of $rule is caught', async ({ rule, files }) => {
  const broken = await rulesBroken(await plant(`${rule}-${planted.findIndex((p) => p.files === files)}`, files));
  expect(broken).toContain(rule);
});

test('every rule has a planted violation', async () => {
  const config = (await import(join(repositoryRoot, '.dependency-cruiser.mjs'))) as {
    default: { forbidden: { name: string }[] };
  };
  expect(new Set(planted.map(({ rule }) => rule))).toEqual(new Set(config.default.forbidden.map(({ name }) => name)));
});
