import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

/** A running PostgreSQL server of its own. */
export interface PostgresHandle {
  /** `postgres://user:password@127.0.0.1:port/postgres`: the administrator's, who may make databases. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** A new, empty database; its URL. It goes with the server. */
  createDatabase(): Promise<string>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

const run = promisify(execFile);
/** Debian keeps the programs of each major version apart, and off the PATH. */
const DEBIAN_VERSIONS = '/usr/lib/postgresql';
/** Made by Debian's package. PostgreSQL refuses to run as root. */
const SYSTEM_USER = 'postgres';
const SUPERUSER = 'slipway';
/** Somebody else may take the port between our look and the server's start. */
const MAX_STARTS = 5;
/** The data need not outlive a power cut; every test file brings pools of connections. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '300',
  shared_buffers: '32MB',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  log_line_prefix: '',
};

/** The directory of the newest PostgreSQL's programs that Debian has installed, `undefined` when there is none. */
export function postgresPrograms(versionsDirectory: string = DEBIAN_VERSIONS): string | undefined {
  if (!existsSync(versionsDirectory)) return undefined;
  const newestFirst = readdirSync(versionsDirectory)
    .filter((name) => /^\d+$/.test(name))
    .sort((a, b) => Number(b) - Number(a));
  return newestFirst
    .map((version) => join(versionsDirectory, version, 'bin'))
    .find((bin) => ['initdb', 'postgres', 'createdb'].every((program) => existsSync(join(bin, program))));
}

/**
 * Starts a real PostgreSQL on a free loopback port, with a password and without a Unix socket. It dies with this
 * process, and runs as the user `postgres` when this process is root's. Throws when Debian's package is not installed.
 */
export async function startPostgres(): Promise<PostgresHandle> {
  const programs = postgresPrograms();
  if (programs === undefined) throw new Error('PostgreSQL is not installed: apt-get install postgresql');
  const directory = await mkdtemp(join(tmpdir(), 'slipway-postgres-'));
  const password = randomBytes(16).toString('hex');
  const data = join(directory, 'data');
  let server: { readonly child: ChildProcess; readonly port: number } | undefined;
  const stop = async (): Promise<void> => {
    if (server !== undefined) await quit(server.child);
    await rm(directory, { recursive: true, force: true });
  };
  const host = { cwd: directory, env: { PATH: process.env.PATH, LC_ALL: 'C', PGPASSWORD: password } };
  try {
    const passwordFile = join(directory, 'password');
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (isRoot()) await run('chown', ['-R', `${SYSTEM_USER}:`, directory]);
    await run(
      'setpriv',
      unprivileged(join(programs, 'initdb'), [
        ...['-D', data, '-U', SUPERUSER, '--pwfile', passwordFile, '--auth=scram-sha-256'],
        ...['--locale=C', '--encoding=UTF8', '--no-sync'],
      ]),
      host,
    );
    for (let starts = 1; server === undefined; starts++) {
      const port = await freePort();
      const options = Object.entries({ ...settings, port }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
      const child = spawn('setpriv', unprivileged(join(programs, 'postgres'), ['-D', data, ...options]), {
        ...host,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      if (await ready(child, starts < MAX_STARTS)) server = { child, port };
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const { port, child } = server;
  const urlOf = (database: string): string => `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;
  return {
    url: urlOf('postgres'),
    port,
    pid: child.pid ?? 0,
    createDatabase: async () => {
      const name = `test_${randomBytes(8).toString('hex')}`;
      const where = ['-h', '127.0.0.1', '-p', String(port), '-U', SUPERUSER, '--maintenance-db=postgres'];
      await run(join(programs, 'createdb'), [...where, name], host);
      return urlOf(name);
    },
    stop,
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** SIGQUIT ends the server at once and lets it take its shared memory along, which SIGKILL would leave behind. */
function unprivileged(program: string, options: readonly string[]): string[] {
  const user = isRoot() ? ['--reuid', SYSTEM_USER, '--regid', SYSTEM_USER, '--clear-groups'] : [];
  return [...user, '--no-new-privs', '--pdeathsig', 'QUIT', '--', program, ...options];
}

async function quit(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGQUIT');
  await exited;
}

/** Whether the server takes connections; `false` when its port was taken and `again` allows another start. */
async function ready(child: ChildProcess, again: boolean): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const seen: string[] = [];
  // The reader stays on, for a full pipe would stop the server.
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    if (seen.length < 50) seen.push(line);
    if (line.includes('database system is ready to accept connections')) resolve(true);
  });
  child.once('error', (cause) => reject(new Error('cannot start PostgreSQL: apt-get install util-linux', { cause })));
  child.once('close', (code, signal) => {
    if (again && seen.some((line) => line.includes('Address already in use'))) resolve(false);
    else reject(new Error(`postgres ended with ${code ?? signal}:\n${seen.join('\n')}`));
  });
  return promise;
}
