import { defineConfig } from 'vitest/config';
import { testNeeds } from './packages/testing/src/test-needs.ts';

// Tests start services with process.execPath and use node:sqlite: only the pinned Node will do.
if (Number(process.versions.node.split('.')[0]) < 26) {
  throw new Error(
    `Node ${process.versions.node} cannot run the tests: use "npm test", or put node_modules/.bin first on PATH.`,
  );
}

/** The directory of each workspace; its last part is the project's name. */
const workspaces = [
  'packages/contracts',
  'packages/service-kit',
  'packages/database',
  'packages/bus',
  'packages/oci',
  'packages/garden',
  'packages/testing',
  'services/cloud-controller',
  'services/uaa',
  'services/stager',
  'services/scheduler',
  'services/cell-rep',
  'services/router',
  'services/log-cache',
  'services/ssh-proxy',
  'infra',
  'bench',
] as const;

/** Their tests run on every database engine that the machine has. */
const withDatabases: readonly string[] = ['packages/database', 'services/cloud-controller', 'services/uaa'];
const postgresServer = new URL('packages/database/testing/postgres-server.ts', import.meta.url).pathname;

/** A test that needs what not every machine has says so by a tag, a whole file by `@module-tag` in its first comment. */
const tags = (await testNeeds()).map(({ name, what, met }) => ({
  name,
  description: `needs ${what}`,
  ...(met ? {} : { skip: true }),
}));

// Tests use real servers and containers on machines that may be slow: a timeout only ends what hangs.
const patience = { testTimeout: 120_000, hookTimeout: 120_000, expect: { poll: { timeout: 60_000 } } };

export default defineConfig({
  test: {
    passWithNoTests: false,
    tags,
    teardownTimeout: 120_000,
    projects: [
      ...workspaces.map((dir) => ({
        test: {
          name: dir.split('/').at(-1) ?? dir,
          root: dir,
          include: ['**/*.test.ts'],
          environment: 'node',
          pool: 'forks' as const,
          globalSetup: withDatabases.includes(dir) ? [postgresServer] : [],
          ...patience,
        },
      })),
      {
        test: {
          name: 'e2e',
          root: 'e2e',
          include: ['**/*.test.ts'],
          environment: 'node',
          pool: 'forks' as const,
          // A whole platform runs in each file: one at a time, after all others.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 300_000,
          hookTimeout: 300_000,
          expect: patience.expect,
        },
      },
    ],
  },
});
