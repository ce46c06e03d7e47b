import { setTimeout as delay } from 'node:timers/promises';
import { type LaunchedPlatform, launchPlatform, pushApp } from '@slipway/infra';
import { CfClient, pushImage, sampleImage, startRegistry } from '@slipway/testing';
import { pssOfTree } from './process-memory.ts';

/** Timers of the first reconciliations have fired by then, and Node has given back what starting took. */
const SETTLE_MS = 15_000;

interface Run {
  readonly boot_s: number;
  readonly cold_push_s: number;
  readonly warm_push_s: number;
  readonly idle_pss_mb: number;
}

/**
 * `npm run bench -- demo [RUNS]`: a fresh platform for each run (new data directory, empty layer store), its boot, its
 * memory at rest, a push with an empty and one with a filled layer cache. Prints the median of the runs.
 */
export async function benchDemo(args: readonly string[], stopped: AbortSignal): Promise<object> {
  const count = Number(args[0] ?? 3);
  if (!Number.isInteger(count) || count < 1) throw new Error('usage: npm run bench -- demo [RUNS]');
  const registry = await startRegistry();
  try {
    const image = (await pushImage(registry, 'slipway/sample', 'bench', await sampleImage())).reference;
    const runs: Run[] = [];
    for (let i = 0; i < count; i++) {
      stopped.throwIfAborted();
      const platform = await launchPlatform();
      try {
        runs.push(await Promise.race([measure(platform, image), whenStopped(stopped)]));
      } finally {
        await platform.stop();
      }
      console.log(`run ${i + 1} of ${count}: ${JSON.stringify(runs.at(-1))}`);
    }
    const median = (key: keyof Run): number => runs.map((run) => run[key]).sort((a, b) => a - b)[count >> 1] as number;
    return {
      bench: 'demo',
      boot_s: median('boot_s'),
      cold_push_s: median('cold_push_s'),
      warm_push_s: median('warm_push_s'),
      idle_pss_mb: median('idle_pss_mb'),
      runs,
    };
  } finally {
    await registry.stop();
  }
}

async function measure(platform: LaunchedPlatform, image: string): Promise<Run> {
  await delay(SETTLE_MS);
  const memory = await pssOfTree(platform.pid);
  for (const { name, mb } of memory) console.log(`  ${mb.toFixed(1).padStart(6)} MB  ${name}`);
  const cf = new CfClient({ url: platform.url, username: 'admin', password: platform.adminPassword });
  return {
    boot_s: round(platform.bootSeconds),
    cold_push_s: await timePush(cf, 'cold', image),
    warm_push_s: await timePush(cf, 'warm', image),
    idle_pss_mb: round(memory.reduce((sum, { mb }) => sum + mb, 0)),
  };
}

/** Seconds from the first request to the API to the first answer of the app. */
async function timePush(cf: CfClient, app: string, image: string): Promise<number> {
  const started = performance.now();
  const request = { organization: 'bench', space: 'bench', app, image };
  const { answer } = await pushApp(cf, request, (_name, work) => work());
  if (answer.status !== 200) throw new Error(`app ${app} answers ${answer.status}: ${answer.body.slice(0, 200)}`);
  return round((performance.now() - started) / 1000);
}

function whenStopped(stopped: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(new Error('stopped'));
    if (stopped.aborted) stop();
    else stopped.addEventListener('abort', stop, { once: true });
  });
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
