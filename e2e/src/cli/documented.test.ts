import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const recordings = new URL('../../recordings/v8/', import.meta.url);
const page = readFileSync(new URL('../../../docs/cf-cli.md', import.meta.url), 'utf8');

/** Every command that a flow runs. */
function recorded(): Set<string> {
  const names = readdirSync(recordings).flatMap((file) =>
    readFileSync(new URL(file, recordings), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { run?: readonly string[] }).run?.[0]),
  );
  return new Set(names.filter((name) => name !== undefined));
}

test('the page on the cf CLI names the commands that the flows run, and no others', () => {
  const tables = page.split('\n').filter((line) => line.startsWith('|'));
  const documented = tables.flatMap((line) => [...line.matchAll(/`([a-z-]+)[^`]*`/g)].map(([, name = '']) => name));
  expect(new Set(documented)).toEqual(recorded());
});
