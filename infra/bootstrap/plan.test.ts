import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { isThere } from './facts.mjs';
import { type Facts, kernelIsEnough, planInstall } from './plan.mjs';
import { requirementsOf, type Subcommand } from './requirements.mjs';

/** A Debian on which all is installed, and root. */
const good: Facts = {
  platform: 'linux',
  arch: 'x64',
  kernel: '6.1.0-18-amd64',
  glibc: true,
  uid: 0,
  apt: true,
  userNamespaces: true,
  missing: [],
  npm: true,
  nodeModulesMatch: true,
  freeBytes: 10_000_000_000,
};
const plain = { docker: false };
const subcommands: readonly Subcommand[] = ['demo', 'start', 'test', 'vm', 'bench', 'check', 'disk'];

test.each(subcommands)('%s does nothing on a machine that has everything', (subcommand) => {
  const nothing = { problems: [], debianPackages: [], units: [], installNodeModules: false };
  expect(planInstall(subcommand, good, plain)).toEqual(nothing);
});

test('root on Debian gets what is missing installed, each package once', () => {
  const missing = ['nats-server', 'setpriv', 'unshare', 'docker-registry'];
  const plan = planInstall('demo', { ...good, missing, nodeModulesMatch: false }, plain);
  expect(plan).toEqual({
    problems: [],
    debianPackages: ['nats-server', 'util-linux', 'docker-registry'],
    units: ['nats-server.service', 'docker-registry.service'],
    installNodeModules: true,
  });
});

test('check needs neither root nor system packages nor a new kernel', () => {
  const facts = { ...good, uid: 1000, apt: false, kernel: '4.4.0', missing: ['nats-server', 'runc'] };
  expect(planInstall('check', facts, plain).problems).toEqual([]);
});

test('check needs the library of the pinned Node, though', () => {
  expect(planInstall('check', { ...good, missing: ['libatomic.so.1'] }, plain).debianPackages).toEqual(['libatomic1']);
});

test('somebody else than root is told the exact commands for the tests', () => {
  const plan = planInstall('test', { ...good, uid: 1000, missing: ['runc', 'conmon'] }, plain);
  expect(plan.problems).toEqual([
    {
      what: 'Not installed: runc, conmon. To install system packages one must be root:',
      commands: ['sudo apt-get update', 'sudo apt-get install --no-install-recommends runc conmon'],
    },
  ]);
});

test('somebody else than root may run the tests when all is installed', () => {
  expect(planInstall('test', { ...good, uid: 1000 }, plain).problems).toEqual([]);
});

test('the demo needs root, and says the one command that does all', () => {
  const plan = planInstall('demo', { ...good, uid: 1000, missing: ['runc'] }, plain);
  expect(plan.problems.map((problem) => problem.commands)).toEqual([['sudo npm run demo']]);
});

test('without apt-get the commands for Debian are shown', () => {
  const plan = planInstall('start', { ...good, apt: false, missing: ['runc'] }, plain);
  expect(plan.problems[0]?.commands).toEqual(['apt-get update', 'apt-get install --no-install-recommends runc']);
});

test.each(['dockerd', 'postgres'])('%s is asked for only when the tests shall prove all', (command) => {
  expect(requirementsOf('test', { docker: false }).map(({ name }) => name)).not.toContain(command);
  expect(requirementsOf('test', { docker: true }).map(({ name }) => name)).toContain(command);
});

test('PostgreSQL is installed without its service', () => {
  const plan = planInstall('test', { ...good, missing: ['postgres'] }, { docker: true });
  expect([plan.debianPackages, plan.units]).toEqual([['postgresql'], ['postgresql.service']]);
});

test('a command that is kept apart by version is found in any version', () => {
  const versionsIn = mkdtempSync(join(tmpdir(), 'versions-'));
  onTestFinished(() => rmSync(versionsIn, { recursive: true }));
  const postgres = { name: 'postgres', versionsIn, debianPackage: 'postgresql' };
  mkdirSync(join(versionsIn, '15', 'bin'), { recursive: true });
  mkdirSync(join(versionsIn, '17', 'bin'), { recursive: true });
  expect(isThere(postgres)).toBe(false);
  writeFileSync(join(versionsIn, '15', 'bin', 'postgres'), '', { mode: 0o755 });
  expect(isThere(postgres)).toBe(true);
  expect(isThere({ ...postgres, versionsIn: join(versionsIn, 'nowhere') })).toBe(false);
});

test.each([
  [{ platform: 'darwin' }, 'This is darwin'],
  [{ arch: 'riscv64' }, 'This is a riscv64 processor'],
  [{ glibc: false }, 'no glibc'],
  [{ kernel: '5.10.0-28-amd64' }, 'Linux 5.10.0-28-amd64 is too old'],
  [{ userNamespaces: false }, 'no user namespaces'],
  [{ nodeModulesMatch: false, npm: false }, 'npm is not installed'],
  [{ nodeModulesMatch: false, freeBytes: 500_000_000 }, '477 MB free'],
])('%o is a problem', (difference, text) => {
  const { problems } = planInstall('demo', { ...good, ...difference }, plain);
  expect(problems.map((problem) => problem.what).join('\n')).toContain(text);
});

test.each([
  ['5.19.0', true],
  ['5.18.19', false],
  ['6.0.0-rc1', true],
  ['6.18.44-fc-v669', true],
  ['4.20.0', false],
])('kernel %s is enough: %s', (release, enough) => {
  expect(kernelIsEnough(release)).toBe(enough);
});

test('what is planned is exactly what is missing, and unprivileged users never get a plan that needs root', () => {
  const commands = requirementsOf('test', { docker: true }).map(({ name }) => name);
  fc.assert(
    fc.property(
      fc.constantFrom(...subcommands),
      fc.subarray(commands),
      fc.nat({ max: 2 }),
      fc.boolean(),
      (subcommand, missing, uid, apt) => {
        const plan = planInstall(subcommand, { ...good, missing, uid, apt }, { docker: true });
        const needed = requirementsOf(subcommand, { docker: true })
          .filter(({ name }) => missing.includes(name))
          .map(({ debianPackage }) => debianPackage);
        expect(new Set(plan.debianPackages)).toEqual(new Set(needed));
        if (plan.debianPackages.length > 0 && (uid !== 0 || !apt)) expect(plan.problems).not.toEqual([]);
      },
    ),
  );
});
