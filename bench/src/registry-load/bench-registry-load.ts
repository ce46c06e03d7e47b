import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { generateSealingKeys } from '@slipway/service-kit';
import {
  buildImage,
  buildIndex,
  buildLayer,
  type NatsHandle,
  pushImage,
  type RegistryAuth,
  type RegistryProcess,
  startNats,
  startRegistry,
} from '@slipway/testing';
import { endService, startService } from '../service-process.ts';
import { peakRss, rssOf } from './process-rss.ts';
import { type Credentials, startStagingDriver } from './staging-driver.ts';

const IMAGES = 10;
const APPS = 100;
const LAYERS = 8;
const LAYER_BYTES = 1_000_000;
/** Batches after the first, which says what staging costs a fresh process: memory must not grow with them. */
const BATCHES = 5;
/** Node gives back by then what a batch took. */
const SETTLE_MS = 3_000;
/** As the supervisor starts a stager (infra/src/platform/processes.ts). */
const NODE_FLAGS = ['--max-semi-space-size=4'];
const MALLOC = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '1048576', MALLOC_TRIM_THRESHOLD_: '1048576' };

const robot: Credentials = { username: 'robot', password: randomBytes(12).toString('hex') };

interface Load {
  /** Requests that the registry answered with what was asked for, for each image of a batch. */
  readonly upstream_per_image: number;
  /** Answered with 401, to say where tokens are; and tokens given. */
  readonly challenges: number;
  readonly tokens: number;
  /** Requests answered a second time in the same batch, of all batches; the aim is 0. */
  readonly sent_twice: number;
  readonly seconds: number;
  readonly rss_mb: {
    readonly before: number;
    readonly peak: number;
    readonly after_first: number;
    readonly after_last: number;
  };
}

/**
 * `npm run bench -- registry-load`: 100 apps of 10 images staged at once by a real stager from a real registry: open, with
 * tokens, and with a droplet registry to copy to.
 */
export async function benchRegistryLoad(args: readonly string[], stopped: AbortSignal): Promise<object> {
  if (args.length > 0) throw new Error('usage: npm run bench -- registry-load');
  const nats = await startNats();
  try {
    const open = await run('open', nats, stopped);
    const token = await run('token', nats, stopped, { auth: { kind: 'token', ...robot } });
    const copy = await run('copy', nats, stopped, { copies: true });
    const twice = open.sent_twice + token.sent_twice + copy.sent_twice;
    return { bench: 'registry-load', apps: APPS, images: IMAGES, sent_twice: twice, open, token, copy };
  } finally {
    await nats.stop();
  }
}

async function run(
  name: string,
  nats: NatsHandle,
  stopped: AbortSignal,
  { auth, copies = false }: { readonly auth?: RegistryAuth; readonly copies?: boolean } = {},
): Promise<Load> {
  const closers: (() => Promise<unknown>)[] = [];
  try {
    const registry = await startRegistry(auth === undefined ? {} : { auth });
    closers.push(() => registry.stop());
    const credentials = auth === undefined ? undefined : robot;
    const references = await pushImages(registry, credentials);
    const droplets = copies ? await startRegistry({ auth: { kind: 'basic', ...robot } }) : undefined;
    if (droplets !== undefined) closers.push(() => droplets.stop());
    const keys = generateSealingKeys();
    const { child } = await startService('stager', stagerSettings(nats, keys, droplets), NODE_FLAGS);
    closers.push(() => endService(child));
    const driver = await startStagingDriver(nats, keys.publicKey);
    closers.push(() => driver.close());
    const pid = child.pid ?? 0;
    const batch = Array.from({ length: APPS }, (_, i) => references[i % IMAGES] ?? '');
    const counts = { upstream: 0, challenges: 0, twice: 0 };
    const tokensBefore = registry.tokenRequests.length;
    const before = await rssOf(pid);
    let [afterFirst, after, peak, seconds] = [0, 0, before, 0];
    for (let n = 0; n <= BATCHES; n++) {
      stopped.throwIfAborted();
      const from = registry.requests.length;
      const started = performance.now();
      const { value, peak: high } = await peakRss(pid, () => driver.stage(batch, credentials));
      seconds += (performance.now() - started) / 1000;
      const failed = value.find(({ outcome }) => outcome === 'failed');
      if (failed !== undefined) throw new Error(`a build failed: ${JSON.stringify(failed)}`);
      const asked = await requestsSince(registry, from);
      const answered = asked.filter((line) => /^(GET|HEAD) .* 2\d\d$/.test(line));
      counts.upstream += answered.length;
      counts.twice += answered.length - new Set(answered).size;
      counts.challenges += asked.filter((line) => line.endsWith(' 401')).length;
      await delay(SETTLE_MS);
      after = await rssOf(pid);
      peak = Math.max(peak, high);
      if (n === 0) afterFirst = after;
      console.log(
        `${name}, batch ${n + 1}: ${answered.length} requests upstream, at most ${high} MB, then ${after} MB`,
      );
    }
    const rounds = BATCHES + 1;
    return {
      upstream_per_image: counts.upstream / IMAGES / rounds,
      challenges: counts.challenges,
      tokens: registry.tokenRequests.length - tokensBefore,
      sent_twice: counts.twice,
      seconds: Math.round((seconds / rounds) * 100) / 100,
      rss_mb: { before, peak, after_first: afterFirst, after_last: after },
    };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

/** As large as real ones: an index of two platforms with attestations, and a config with a long history. */
async function pushImages(registry: RegistryProcess, credentials: Credentials | undefined): Promise<readonly string[]> {
  const references: string[] = [];
  for (let n = 0; n < IMAGES; n++) {
    const layers = Array.from({ length: LAYERS }, () =>
      buildLayer([{ name: 'random', content: randomBytes(LAYER_BYTES) }], 'none'),
    );
    const config = { Env: [`IMAGE=${n}`, `PADDING=${'x'.repeat(8_000)}`], ExposedPorts: { '8080/tcp': {} } };
    const image = buildImage({ layers, config });
    const arm = buildImage({ layers: layers.slice(0, 1), config, platform: { os: 'linux', architecture: 'arm64' } });
    const index = buildIndex([arm, image], { attestations: true });
    const options = credentials === undefined ? {} : { credentials };
    references.push((await pushImage(registry, `bench/image-${n}`, 'v1', index, options)).reference);
  }
  return references;
}

/** What the registry has logged, once it has logged a request that is made now. */
async function requestsSince(registry: RegistryProcess, from: number): Promise<readonly string[]> {
  const marker = `/v2/marker-${randomBytes(6).toString('hex')}/tags/list`;
  await fetch(`http://${registry.address}${marker}`);
  while (!registry.requests.some((line) => line.includes(marker))) await delay(10);
  return registry.requests.slice(from).filter((line) => !line.includes('/v2/marker-'));
}

function stagerSettings(
  nats: NatsHandle,
  keys: ReturnType<typeof generateSealingKeys>,
  droplets: RegistryProcess | undefined,
): Readonly<Record<string, string>> {
  return {
    PATH: process.env.PATH ?? '',
    ...MALLOC,
    NATS_URL: nats.url,
    NATS_USER: 'stager',
    NATS_PASSWORD: nats.password('stager'),
    STAGER_PUBLIC_KEY: keys.publicKey,
    STAGER_PRIVATE_KEY: keys.privateKey,
    LOG_LEVEL: 'info',
    ...(droplets === undefined
      ? {}
      : {
          DROPLET_REGISTRY: `${droplets.address}/slipway`,
          DROPLET_REGISTRY_USERNAME: robot.username,
          DROPLET_REGISTRY_PASSWORD: robot.password,
        }),
  };
}
