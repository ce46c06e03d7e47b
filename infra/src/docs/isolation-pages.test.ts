import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../process/repository-root.ts';
import { isolationPages } from './isolation-pages.ts';

test('the pages on isolation say what the suite expects of containers', async () => {
  for (const [file, page] of await isolationPages()) {
    expect(await readFile(join(repositoryRoot, file), 'utf8'), 'run: node infra/src/docs/main.ts').toBe(page);
  }
});
