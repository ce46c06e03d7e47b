import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findClis } from './find-cli.ts';

/** A directory with programs that print what they are given. */
async function programs(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-find-cli-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const [name, script] of Object.entries(files)) {
    await writeFile(join(directory, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(directory, name), 0o755);
  }
  return directory;
}

/** Where nothing was made yet. */
async function emptyCache(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-cli-cache-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

test('cf and cf9 on PATH are told apart by what they say', async () => {
  const PATH = await programs({ cf: 'echo cf version 8.9.0+abc', cf9: 'echo cf9 version 9.1.0+def' });
  const { programs: found } = await findClis({ PATH }, await emptyCache());
  expect([...found.values()].map(({ version, description }) => [version, description])).toEqual([
    ['v8', 'cf version 8.9.0+abc'],
    ['v9', 'cf version 9.1.0+def'],
  ]);
});

test('CF_BINARY goes before PATH', async () => {
  const PATH = await programs({ cf: 'echo cf version 8.9.0', mine: 'echo cf version 8.1.0' });
  const { programs: found } = await findClis({ PATH, CF_BINARY: join(PATH, 'mine') }, await emptyCache());
  expect(found.get('v8')?.description).toBe('cf version 8.1.0');
});

test('what is too old, or does not run, is said so', async () => {
  const PATH = await programs({ cf: 'echo cf version 6.53.0', cf9: 'exit 3' });
  const { programs: found, missing } = await findClis({ PATH, CF_BINARY: '/nowhere/cf' }, await emptyCache());
  expect(found.size).toBe(0);
  expect(missing.join('\n')).toMatch(/CF_BINARY=\/nowhere\/cf is no program/);
  expect(missing.join('\n')).toMatch(/6\.53\.0/);
  expect(missing.join('\n')).toMatch(/does not say its version/);
  expect(missing.join('\n')).toMatch(/no Go/);
});

test('the reason of a Go that cannot fetch it is given, without addresses', async () => {
  const PATH = await programs({ go: 'echo "reading https://proxy.example/x: 403 Forbidden" >&2; exit 1' });
  const { missing } = await findClis({ PATH }, await emptyCache());
  expect(missing.join('\n')).toContain('reading (the module proxy) 403 Forbidden');
});

test('one that Go makes is told its version, and kept', async () => {
  const PATH = await programs({
    go: `case "$1" in
list) echo code.cloudfoundry.org/cli/v8 v8.12.0 ;;
install) printf '#!/bin/sh\\necho cli version %s\\n' "\${2##*=}" > "$GOBIN/cli"; /bin/chmod +x "$GOBIN/cli" ;;
esac`,
  });
  const cache = await emptyCache();
  const { programs: made } = await findClis({ PATH }, cache);
  expect(made.get('v8')).toEqual({ path: join(cache, 'cli'), version: 'v8', description: 'cf version 8.12.0' });
  const { programs: kept } = await findClis({ PATH: '' }, cache);
  expect(kept.get('v8')?.path).toBe(join(cache, 'cli'));
});
