import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Bus, connectService } from '@slipway/bus';
import { busAccess } from '@slipway/contracts';
import { createLogger, generateSealingKeys, Secret } from '@slipway/service-kit';
import { type NatsHandle, type PostgresHandle, postgresPrograms, startNats, startPostgres } from '@slipway/testing';
import { endService, startService } from '../service-process.ts';
import { HttpClient } from './http-client.ts';

export type Engine = 'sqlite' | 'postgres';

/** cloud-controller as the supervisor runs it, on one of the databases, with a real uaa and a real NATS. */
export interface ApiPlatform {
  readonly engine: Engine;
  /** Of cloud-controller. */
  readonly pid: number;
  /** Of the postmaster; undefined with SQLite. */
  readonly databasePid: number | undefined;
  /** A stager's connection. */
  readonly stager: Bus;
  /** What the database server does by itself from time to time: clean up, and look at what is there. */
  settle(): Promise<void>;
  clientFor(username: string, password: string): Promise<HttpClient>;
  createUser(username: string, password: string): Promise<string>;
  stop(): Promise<void>;
}

const ADMIN_PASSWORD = 'admin';
const EXTERNAL_URL = 'http://localhost';

export async function startApiPlatform(engine: Engine): Promise<ApiPlatform> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-bench-'));
  const closers: (() => unknown)[] = [() => rm(directory, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const nats = await startNats();
    closers.push(() => nats.stop());
    const postgres = engine === 'postgres' ? await startPostgres() : undefined;
    if (postgres !== undefined) closers.push(() => postgres.stop());
    const services = await startServices(nats, postgres, directory, closers);
    const stager = await connectService(busAccess('stager'), {
      config: { NATS_URL: nats.url, NATS_USER: 'stager', NATS_PASSWORD: new Secret(nats.password('stager')) },
      source: 'stager',
      logger: createLogger('bench', 'warn'),
    });
    closers.push(() => stager.close());
    return platform(engine, services, stager, postgres, closers, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Services {
  readonly uaaUrl: string;
  readonly apiUrl: string;
  readonly pid: number;
}

async function startServices(
  nats: NatsHandle,
  postgres: PostgresHandle | undefined,
  directory: string,
  closers: (() => unknown)[],
): Promise<Services> {
  const clientSecret = randomBytes(16).toString('hex');
  const settings = async (name: string): Promise<Record<string, string>> => ({
    PATH: process.env.PATH ?? '',
    NATS_URL: nats.url,
    NATS_USER: name,
    NATS_PASSWORD: nats.password(name),
    EXTERNAL_URL,
    LOG_LEVEL: 'info',
    DATABASE_URL: (await postgres?.createDatabase()) ?? `file:${join(directory, `${name}.db`)}`,
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  });
  const uaa = await startService('uaa', {
    ...(await settings('uaa')),
    ADMIN_PASSWORD,
    CLOUD_CONTROLLER_SECRET: clientSecret,
    ACCESS_TOKEN_SECONDS: '86400',
  });
  closers.push(() => endService(uaa.child));
  const uaaUrl = `http://127.0.0.1:${uaa.port}/uaa`;
  const api = await startService('cloud-controller', {
    ...(await settings('cloud-controller')),
    STAGER_PUBLIC_KEY: generateSealingKeys().publicKey,
    CELL_PUBLIC_KEY: generateSealingKeys().publicKey,
    APPS_DOMAIN: 'apps.localhost',
    UAA_URL: uaaUrl,
    UAA_CLIENT_SECRET: clientSecret,
  });
  closers.push(() => endService(api.child));
  return { uaaUrl, apiUrl: `http://127.0.0.1:${api.port}`, pid: api.child.pid ?? 0 };
}

function platform(
  engine: Engine,
  { uaaUrl, apiUrl, pid }: Services,
  stager: Bus,
  postgres: PostgresHandle | undefined,
  closers: (() => unknown)[],
  stop: () => Promise<void>,
): ApiPlatform {
  const opened = (origin: string, authorization?: string): HttpClient => {
    const client = new HttpClient(origin, authorization);
    closers.push(() => client.close());
    return client;
  };
  const tokenOf = async (username: string, password: string): Promise<string> => {
    const form = new URLSearchParams({ grant_type: 'password', username, password }).toString();
    const basic = opened(uaaUrl, `Basic ${Buffer.from('cf:').toString('base64')}`);
    const answer = await basic.send('POST', '/uaa/oauth/token', form, 'application/x-www-form-urlencoded');
    return `bearer ${(JSON.parse(answer.body) as { readonly access_token: string }).access_token}`;
  };
  return {
    engine,
    pid,
    databasePid: postgres?.pid,
    stager,
    settle: async () => {
      if (postgres !== undefined) await vacuum(postgres);
    },
    clientFor: async (username, password) => opened(apiUrl, await tokenOf(username, password)),
    createUser: async (username, password) => {
      const admin = opened(uaaUrl, await tokenOf('admin', ADMIN_PASSWORD));
      const emails = [{ value: `${username}@example.com`, primary: true }];
      const user = await admin.json('POST', '/uaa/Users', { userName: username, password, emails, origin: 'uaa' });
      return user.id;
    },
    stop,
  };
}

/** As autovacuum does within a minute of so many changes. */
async function vacuum({ url, port }: PostgresHandle): Promise<void> {
  const { username, password } = new URL(url);
  const program = join(postgresPrograms() ?? '', 'vacuumdb');
  const args = ['--all', '--analyze', '--quiet', '-h', '127.0.0.1', '-p', String(port), '-U', username];
  await promisify(execFile)(program, args, { env: { PGPASSWORD: password } });
}
