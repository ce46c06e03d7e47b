import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../process/repository-root.ts';
import { conformancePage } from './conformance-page.ts';

test('docs/conformance.md is what its tests play', async () => {
  const page = await readFile(join(repositoryRoot, 'docs/conformance.md'), 'utf8');
  expect(page, 'run: node infra/src/docs/main.ts').toBe(await conformancePage());
});
