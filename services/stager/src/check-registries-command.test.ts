import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const COMMAND = new URL('check-registries-command.ts', import.meta.url).pathname;

test('registries settings are checked before anybody uses them, with a line for each problem', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-registries-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'registries.yaml');
  const check = (...names: string[]) => promisify(execFile)(process.execPath, [COMMAND, ...names]);

  await writeFile(file, 'registries: {a.example: {username: u, password: p}}\n');
  expect((await check(file)).stdout).toBe(`${file}: good, 1 registries\n`);

  await writeFile(file, 'plainHttp: [http://a]\ntrustedTokenHosts: ["*.b"]\n');
  await expect(check(file)).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^\S+registries\.yaml:1: plainHttp\[0\]: .*\n\S+registries\.yaml:2: trusted.*\n$/),
  });
  await expect(check(`${file}.gone`)).rejects.toMatchObject({
    code: 1,
    stderr: `${file}.gone: there is no such file\n`,
  });
  await expect(check()).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('give the file to check') });
});
