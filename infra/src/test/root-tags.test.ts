import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../process/repository-root.ts';

/** What sets up a container, a cell or a platform of processes with users of their own. */
const needsRoot = /from '[^']*\/(?:garden|cell|rep-process|sealed-host)\.test-support\.ts'|from '@slipway\/infra'/;
const saysSo = /@module-tag root$|tags: (?:\[[^\]]*)?'root'/m;

const files = globSync(['{packages,services}/*/src/**/*.test.ts', '{infra,e2e}/**/*.test.ts'], {
  cwd: repositoryRoot,
  exclude: ['**/node_modules/**'],
}).toSorted();

test('every test that makes containers says that it needs root, so that it is skipped for others', () => {
  const makers = files.filter((file) => needsRoot.test(readFileSync(join(repositoryRoot, file), 'utf8')));
  expect(makers.length).toBeGreaterThan(10);
  expect(makers.filter((file) => !saysSo.test(readFileSync(join(repositoryRoot, file), 'utf8')))).toEqual([]);
});
