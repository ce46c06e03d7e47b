import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Bus, publishMessage, startWorkQueue } from '@slipway/bus';
import { type Message, type ServiceName, type StagingRequest, stagingRequest, stagingResult } from '@slipway/contracts';
import { createLogger } from '@slipway/service-kit';
import { type NatsHandle, startNats } from '@slipway/testing';
import { afterEach, beforeEach, vi } from 'vitest';
import { type CloudController, createApp as createService } from '../src/app.ts';
import type { Client } from './client.ts';
import { createApp, createBuild, createPackage, createRoute, createSpace, stagedResult } from './fixtures.ts';
import type { TestDatabase } from './test-database.ts';
import {
  connectAs,
  type DesiredView,
  httpClient,
  openDesiredView,
  type TestSettings,
  testConfig,
  testSettings,
} from './test-platform.ts';
import { startTokenIssuer, type TokenIssuer } from './token-issuer.ts';

/** For what comes by message; only a wait without end runs into it. */
export const PATIENCE = { timeout: 30_000, interval: 20 } as const;

/** A NATS, a database and settings of its own for each test, in which cloud-controller is started as often as needed. */
export interface ServiceSuite {
  readonly nats: NatsHandle;
  readonly database: TestDatabase;
  readonly settings: TestSettings;
  /** In this process. */
  start(more?: Record<string, string>): Promise<{ readonly service: CloudController; readonly client: Client }>;
  /** As a process of its own, so that it can be killed. */
  spawn(): Promise<{ readonly child: ChildProcess; readonly client: Client }>;
  /** Another service's connection. */
  as(service: ServiceName, cellId?: string): Promise<Bus>;
  followDesired(): Promise<DesiredView>;
  /** A stager that only notes what it is asked. */
  noteRequests(stager: Bus): Promise<Message<StagingRequest>[]>;
  /** A build of a new package, staged by the message that a stager would send; the droplet's guid. */
  stage(client: Client, stager: Bus, appGuid: string, data?: Record<string, unknown>): Promise<string>;
  /** A started app with one route. */
  runApp(client: Client, stager: Bus): Promise<string>;
  /** Whoever comes last goes first: services stop while there is still a NATS. */
  atEnd(cleanup: () => unknown): void;
}

export async function buildState(client: Client, guid: string): Promise<string> {
  return (await client.get(`/v3/builds/${guid}`)).body.state;
}

export async function waitForBuild(client: Client, guid: string, state: string): Promise<void> {
  await vi.waitFor(async () => {
    const now = await buildState(client, guid);
    if (now !== state) throw new Error(`build ${guid} is ${now}, not ${state}`);
  }, PATIENCE);
}

export function useService(create: () => Promise<TestDatabase>): ServiceSuite {
  let nats: NatsHandle;
  let issuer: TokenIssuer;
  let database: TestDatabase;
  let settings: TestSettings;
  let cleanups: (() => unknown)[] = [];
  beforeEach(async () => {
    [nats, issuer, database] = await Promise.all([startNats(), startTokenIssuer(), create()]);
    settings = testSettings(nats, database, issuer);
  });
  afterEach(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
    cleanups = [];
    await Promise.all([nats.stop(), issuer.stop(), database.remove()]);
  });

  const suite: ServiceSuite = {
    get nats() {
      return nats;
    },
    get database() {
      return database;
    },
    get settings() {
      return settings;
    },
    atEnd: (cleanup) => {
      cleanups.push(cleanup);
    },
    start: async (more = {}) => {
      const logger = createLogger('cloud-controller', process.env.TEST_LOG_LEVEL ?? 'silent');
      const service = createService(testConfig(settings, more), logger, { checkResponses: true });
      suite.atEnd(() => service.stop());
      await service.start();
      return { service, client: httpClient(service.ports().api, await issuer.token()) };
    },
    spawn: async () => {
      const child = spawn(process.execPath, [fileURLToPath(new URL('../src/main.ts', import.meta.url))], {
        env: { ...process.env, ...settings.env },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      suite.atEnd(() => child.kill('SIGKILL'));
      const port = await listeningPort(child);
      return { child, client: httpClient(port, await issuer.token()) };
    },
    as: async (service, cellId) => {
      const bus = await connectAs(nats, service, cellId);
      suite.atEnd(() => bus.close());
      return bus;
    },
    followDesired: async () => {
      const view = await openDesiredView(await suite.as('scheduler'));
      suite.atEnd(() => view.close());
      return view;
    },
    noteRequests: async (stager) => {
      const requests: Message<StagingRequest>[] = [];
      const queue = await startWorkQueue(stager, {
        definition: { ...stagingRequest, stream: 'STAGING' },
        durable: 'stager',
        concurrency: 1,
        handle: async (message) => {
          requests.push(message);
        },
      });
      suite.atEnd(() => queue.stop());
      return requests;
    },
    stage: async (client, stager, appGuid, data) => {
      const build = await createBuild(client, await createPackage(client, appGuid, data));
      await publishMessage(stager, stagingResult, stagedResult(build));
      await waitForBuild(client, build, 'STAGED');
      return (await client.get(`/v3/builds/${build}`)).body.droplet.guid;
    },
    runApp: async (client, stager) => {
      const { spaceGuid } = await createSpace(client);
      const app = await createApp(client, spaceGuid, 'demo');
      const droplet = await suite.stage(client, stager, app);
      await client.patch(`/v3/apps/${app}/relationships/current_droplet`, { data: { guid: droplet } });
      const route = await createRoute(client, spaceGuid, 'demo');
      await client.post(`/v3/routes/${route}/destinations`, { destinations: [{ app: { guid: app } }] });
      const started = await client.post(`/v3/apps/${app}/actions/start`);
      if (started.status !== 200) throw new Error(started.text);
      return app;
    },
  };
  return suite;
}

function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`cloud-controller ended with ${code}`)));
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const entry = JSON.parse(line) as { readonly msg: string; readonly port: number };
      if (entry.msg === 'api.listening') resolve(entry.port);
    });
  });
}
