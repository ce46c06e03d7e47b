import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repositoryRoot } from '../process/repository-root.ts';
import { runCommand } from '../process/run-command.ts';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lint-rules-'));
  await copyFile(join(repositoryRoot, '.oxlintrc.json'), join(root, '.oxlintrc.json'));
  await writeFile(
    join(root, 'tsconfig.json'),
    '{"compilerOptions":{"strict":true,"target":"esnext","module":"nodenext","types":[]},"include":["src"]}',
  );
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

async function complaints(path: string, text: string): Promise<string> {
  const file = join(root, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  const oxlint = join(repositoryRoot, 'node_modules/.bin/oxlint');
  const { output } = await runCommand(oxlint, ['--type-aware', '--deny-warnings', path], { cwd: root });
  expect(output).toContain('Finished in');
  return output;
}

const work = 'async function work(): Promise<boolean> { return true; }\n';

test.each([
  ['no-floating-promises', `${work}work();`],
  ['no-misused-promises', `${work}if (work()) { work().catch(() => {}); }`],
  ['await-thenable', 'await 1;'],
])('%s is an error', async (rule, text) => {
  expect(await complaints(`src/${rule}.ts`, `${text}\nexport {};`)).toContain(rule);
});

test.each([
  ['Date.now', 'export const now: number = Date.now();'],
  ['Math.random', 'export const luck: number = Math.random();'],
  ['setTimeout', 'setTimeout(() => {});\nexport {};'],
  ['process', 'export const env: unknown = process.env;'],
])('a domain may not use %s', async (name, text) => {
  expect(await complaints('src/domain/decide.ts', text)).toContain(name);
});

test('outside the domain the clock is free', async () => {
  expect(await complaints('src/app.ts', 'export const now: number = Date.now();')).toContain('Found 0 warnings and 0');
});
