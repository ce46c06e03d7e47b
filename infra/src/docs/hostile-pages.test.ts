import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../process/repository-root.ts';
import { hostilePages } from './hostile-pages.ts';

test('the pages on hostile images and registries say what their tests play', async () => {
  for (const [file, page] of await hostilePages()) {
    expect(await readFile(join(repositoryRoot, file), 'utf8'), 'run: node infra/src/docs/main.ts').toBe(page);
  }
});
