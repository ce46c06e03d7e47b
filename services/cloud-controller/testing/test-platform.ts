import { randomBytes } from 'node:crypto';
import { type Bus, connectService, KvView } from '@slipway/bus';
import { buckets, busAccess, type DesiredLrp, type DomainFreshness, type ServiceName } from '@slipway/contracts';
import { createLogger, generateSealingKeys, loadConfig, type SealingKeys, Secret } from '@slipway/service-kit';
import type { NatsHandle } from '@slipway/testing';
import { checkAgainstOpenapi } from '@slipway/testing';
import { configSchema } from '../src/config.ts';
import { type Client, createClient } from './client.ts';
import type { TestDatabase } from './test-database.ts';
import { EXTERNAL_URL, type TokenIssuer } from './token-issuer.ts';

/** Settings as the supervisor gives them. */
export interface TestSettings {
  readonly env: Readonly<Record<string, string>>;
  readonly stagerKeys: SealingKeys;
  readonly cellKeys: SealingKeys;
}

export function testSettings(nats: NatsHandle, database: TestDatabase, issuer: TokenIssuer): TestSettings {
  const stagerKeys = generateSealingKeys();
  const cellKeys = generateSealingKeys();
  const env = {
    NATS_URL: nats.url,
    NATS_USER: 'cloud-controller',
    NATS_PASSWORD: nats.password('cloud-controller'),
    HEALTH_PORT: '0',
    LISTEN_PORT: '0',
    LOG_LEVEL: 'info',
    EXTERNAL_URL,
    SYSTEM_HOSTS: 'localhost,api.example.com,uaa.example.com',
    DATABASE_URL: database.url,
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    STAGER_PUBLIC_KEY: stagerKeys.publicKey,
    CELL_PUBLIC_KEY: cellKeys.publicKey,
    APPS_DOMAIN: 'apps.localhost',
    UAA_URL: issuer.uaaUrl,
    UAA_CLIENT_SECRET: issuer.clientSecret,
  };
  return { env, stagerKeys, cellKeys };
}

export function testConfig(settings: TestSettings, more: Record<string, string> = {}): ReturnType<typeof load> {
  return load({ ...settings.env, ...more });
}

function load(env: Record<string, string>) {
  return loadConfig('cloud-controller', configSchema, env);
}

/** Another service's connection, with that service's permissions. */
export async function connectAs(nats: NatsHandle, service: ServiceName, cellId?: string): Promise<Bus> {
  const user = cellId === undefined ? service : `${service}-${cellId}`;
  return connectService(busAccess(service, cellId), {
    config: { NATS_URL: nats.url, NATS_USER: user, NATS_PASSWORD: new Secret(nats.password(user)) },
    source: user,
    logger: createLogger(user, 'silent'),
  });
}

/** Every answer is compared with the API's description. */
export function httpClient(port: number, authorization: string): Client {
  let description: Record<string, unknown> | undefined;
  return createClient(async ({ method, path, headers, body }) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { ...headers, authorization },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const answer = { status: response.status, headers: Object.fromEntries(response.headers), text };
    description ??= (await (await fetch(`http://127.0.0.1:${port}/v3/openapi.json`)).json()) as Record<string, unknown>;
    checkAgainstOpenapi(description, { method, path, ...answer, body: text });
    return answer;
  });
}

/** KV `desired-lrps` as the scheduler sees it, with a way to wait for what it shall become. */
export interface DesiredView {
  lrps(): readonly DesiredLrp[];
  marker(): DomainFreshness | undefined;
  /** Resolves once the condition holds. */
  until(what: string, condition: () => boolean): Promise<void>;
  close(): void;
}

const DEADLINE_MS = 30_000;

export async function openDesiredView(bus: Bus): Promise<DesiredView> {
  const waiting = new Set<() => void>();
  const view = await KvView.open<DesiredLrp | DomainFreshness>(bus, buckets.desiredLrps, {
    onChange: () => {
      for (const check of waiting) check();
    },
  });
  const values = (): (DesiredLrp | DomainFreshness)[] => [...view.entries.values()].map(({ value }) => value);
  return {
    lrps: () => values().filter((value): value is DesiredLrp => 'processGuid' in value),
    marker: () => values().find((value): value is DomainFreshness => 'refreshedAt' in value),
    until: (what, condition) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(check);
          reject(new Error(`not seen within ${DEADLINE_MS} ms: ${what}; there is ${JSON.stringify(values())}`));
        }, DEADLINE_MS);
        const check = (): void => {
          if (!condition()) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    close: () => view.close(),
  };
}
