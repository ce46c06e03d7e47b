import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../process/repository-root.ts';

/** Whoever names one of these has a database. */
const USES_DATABASE = /\b(useApi|useService|usePermissions|startTestApi|startUaa|openDatabase|createTestDatabase)\b/;
const ON_EACH = /describe\.each\(engines\)|\bonEachEngine\(/;

/** What can be tested on one engine only, and why. */
const exceptions: Readonly<Record<string, string>> = {
  'services/uaa/src/routes/error-reply.test.ts': 'a database that is full: only SQLite has a limit to set',
};

test('every test of cloud-controller and uaa that needs a database runs on each engine', () => {
  const files = globSync('services/{cloud-controller,uaa}/src/**/*.test.ts', { cwd: repositoryRoot });
  const withDatabase = files.filter((file) => USES_DATABASE.test(readFileSync(join(repositoryRoot, file), 'utf8')));
  expect(withDatabase.length).toBeGreaterThan(20);
  const onOne = withDatabase.filter((file) => !ON_EACH.test(readFileSync(join(repositoryRoot, file), 'utf8')));
  expect(onOne.filter((file) => !(file in exceptions))).toEqual([]);
});
