import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { postgresPrograms, startPostgres } from './postgres.ts';

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'postgres-test-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('the newest version that has a server is taken', async () => {
  const versions = await temporaryDirectory();
  expect(postgresPrograms(versions)).toBeUndefined();
  expect(postgresPrograms(join(versions, 'nowhere'))).toBeUndefined();
  for (const version of ['9', '15', '100', 'common']) await mkdir(join(versions, version, 'bin'), { recursive: true });
  expect(postgresPrograms(versions)).toBeUndefined();
  for (const version of ['9', '15', 'common']) {
    for (const program of ['initdb', 'postgres', 'createdb']) {
      await writeFile(join(versions, version, 'bin', program), '');
    }
  }
  // Of 100 only the client's programs are there.
  await writeFile(join(versions, '100', 'bin', 'createdb'), '');
  expect(postgresPrograms(versions)).toBe(join(versions, '15', 'bin'));
});

describe('a real server', { tags: 'postgres' }, () => {
  const query = async (url: string, sql: string): Promise<string> => {
    const { stdout } = await promisify(execFile)(join(postgresPrograms() ?? '', 'psql'), [
      ...['--no-psqlrc', '--tuples-only', '--no-align', '-v', 'ON_ERROR_STOP=1'],
      ...['-c', sql, url],
    ]);
    return stdout.trim();
  };

  test('gives databases that know nothing of each other, and is gone with its data when stopped', async () => {
    const postgres = await startPostgres();
    const [first, second] = await Promise.all([postgres.createDatabase(), postgres.createDatabase()]);
    await query(first, 'create table only_here (a integer)');
    const tables = "select count(*) from pg_tables where schemaname = 'public'";
    expect(await query(first, tables)).toBe('1');
    expect(await query(second, tables)).toBe('0');
    expect(await query(second, 'show server_encoding')).toBe('UTF8');
    const data = await query(postgres.url, 'show data_directory');
    expect(await readdir(data)).toContain('PG_VERSION');
    await postgres.stop();
    expect(existsSync(data)).toBe(false);
    await expect(query(first, 'select 1')).rejects.toThrow(/Connection refused/);
  });

  test('takes no connection without the password, and is not run by root', async () => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.stop());
    const url = new URL(postgres.url);
    url.password = 'wrong';
    await expect(query(url.href, 'select 1')).rejects.toThrow(/password authentication failed/);
    const status = await readFile(`/proc/${postgres.pid}/status`, 'utf8');
    expect(status).toMatch(/^Name:\tpostgres$/m);
    expect(status).not.toMatch(/^Uid:.*\t0\t/m);
  });

  test('dies with the process that started it, however that ends', async () => {
    const directory = await temporaryDirectory();
    const script = `
      import { startPostgres } from ${JSON.stringify(new URL('./postgres.ts', import.meta.url).href)};
      const { pid, url } = await startPostgres();
      console.log(JSON.stringify({ pid, url }));
    `;
    // A killed parent removes nothing. The server's user must get there.
    await promisify(execFile)('chmod', ['755', directory]);
    const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TMPDIR: directory },
    });
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const { pid, url } = JSON.parse(line) as { pid: number; url: string };
    expect(await query(url, 'select 1')).toBe('1');
    parent.kill('SIGKILL');
    await expect.poll(() => existsSync(`/proc/${pid}/exe`), { timeout: 30_000 }).toBe(false);
  });
});
