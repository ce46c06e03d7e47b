import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../process/repository-root.ts';
import { errorsPage } from './errors-page.ts';

test('docs/errors.md says what the tables in the code say', async () => {
  const page = await readFile(join(repositoryRoot, 'docs/errors.md'), 'utf8');
  expect(page, 'run: node infra/src/docs/main.ts').toBe(await errorsPage());
});
