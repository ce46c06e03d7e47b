import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { publishMessage, startStreamReader, startWorkQueue } from '@slipway/bus';
import {
  logEnvelope,
  type StagingRequest,
  type StagingResult,
  stagingRequest,
  stagingResult,
} from '@slipway/contracts';
import { createLogger, generateSealingKeys, type Logger, loadConfig, type SealingKeys } from '@slipway/service-kit';
import { buildImage, buildLayer, type NatsHandle } from '@slipway/testing';
import { expect, onTestFinished } from 'vitest';
import { createApp, type StagerApp } from './app.ts';
import { configSchema } from './config.ts';

export interface Driver {
  request(data: StagingRequest): Promise<void>;
  result(buildGuid: string): Promise<StagingResult>;
  lines(appGuid: string): string[];
  /** Puts bytes on the queue that are no request. */
  poison(text: string): Promise<void>;
  deadLetters(): Promise<number>;
  close(): Promise<void>;
}

/** Stands where cloud-controller and log-cache stand: it sees the stager by its messages only. */
export async function startDriver(nats: NatsHandle): Promise<Driver> {
  const bus = await nats.connectOperator();
  const results = new Map<string, PromiseWithResolvers<StagingResult>>();
  const expected = (buildGuid: string): PromiseWithResolvers<StagingResult> => {
    const entry = results.get(buildGuid) ?? Promise.withResolvers<StagingResult>();
    results.set(buildGuid, entry);
    return entry;
  };
  const queue = await startWorkQueue(bus, {
    definition: { ...stagingResult, stream: 'STAGING_RESULTS' },
    durable: 'cloud-controller',
    concurrency: 1,
    handle: async ({ data }) => expected(data.buildGuid).resolve(data),
  });
  const lines: { appGuid: string; text: string }[] = [];
  startStreamReader(bus, {
    definition: { ...logEnvelope, stream: 'LOGS' },
    onRestart: () => undefined,
    onCaughtUp: () => undefined,
    onMessage: ({ data }) => {
      const text = Buffer.from(data.payload, 'base64').toString();
      lines.push({ appGuid: data.sourceId, text: `${data.sourceType} ${data.stream} ${text}` });
    },
  });
  return {
    request: (data) => publishMessage(bus, stagingRequest, data, { id: data.buildGuid }),
    result: (buildGuid) => expected(buildGuid).promise,
    lines: (appGuid) => lines.filter((line) => line.appGuid === appGuid).map((line) => line.text),
    poison: async (text) => void (await bus.js.publish('staging.request', text)),
    deadLetters: async () => (await bus.jsm.streams.info('DEAD_LETTERS')).state.messages,
    close: async () => {
      await queue.stop();
      await bus.close();
    },
  };
}

export interface StagerOptions {
  readonly keys?: SealingKeys;
  readonly logger?: Logger;
  /** Further settings. */
  readonly more?: Readonly<Record<string, string>>;
}

/** Starts one with the permissions of a stager; the caller stops it. */
export async function startStagerOn(nats: NatsHandle, options: StagerOptions = {}): Promise<StagerApp> {
  const keys = options.keys ?? generateSealingKeys();
  const config = loadConfig('stager', configSchema, {
    NATS_URL: nats.url,
    NATS_USER: 'stager',
    NATS_PASSWORD: nats.password('stager'),
    STAGER_PUBLIC_KEY: keys.publicKey,
    STAGER_PRIVATE_KEY: keys.privateKey,
    ...options.more,
  });
  const app = createApp(config, { logger: options.logger ?? createLogger('stager', 'silent') });
  await app.start();
  expect((await fetch(`http://127.0.0.1:${app.healthPort}/readyz`)).status).toBe(200);
  return app;
}

export interface SlowRegistry {
  readonly reference: string;
  /** Resolves when it was asked for the first time. */
  readonly asked: Promise<void>;
  readonly release: () => void;
}

/** A registry of one image that tells when it is asked for the manifest, and waits to be let answer. */
export async function startSlowRegistry(): Promise<SlowRegistry> {
  const image = buildImage({ layers: [buildLayer([{ name: 'a', content: 'a' }])] });
  const [asked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const server = createServer((request, response) => {
    const content = request.url?.includes('/manifests/') ? image.manifest : image.config;
    asked.resolve();
    void released.promise.then(() => response.writeHead(200, { 'content-type': content.mediaType }).end(content.bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { reference: `127.0.0.1:${port}/app:v1`, asked: asked.promise, release: released.resolve };
}
