import { postgresPrograms } from '@slipway/testing';
import { pssOfTree } from '../demo/process-memory.ts';
import { type ApiPlatform, type Engine, startApiPlatform } from './api-platform.ts';
import { bareRouteMs } from './bare-route.ts';
import { cpuOf } from './cpu-time.ts';
import type { HttpClient } from './http-client.ts';
import { measurePages, type PageTimes } from './page-times.ts';
import { createApps, createTenancy, MEMBER, runApp, type Tenancy } from './seed-apps.ts';

const FEW = 1_000;
const MANY = 10_000;

interface Cost {
  /** For a CPU-second of cloud-controller. */
  readonly per_cpu_s: number;
  readonly cpu_ms: number;
  readonly database_cpu_ms: number;
}

interface EngineResult {
  readonly app_summary: Cost;
  readonly list_1000_apps: Cost;
  readonly apply_manifest: Cost;
  readonly memory_mb: { readonly at_1000: number; readonly at_10000: number };
  readonly page_ms: { readonly median_at_1000: number; readonly median_at_10000: number };
  /** Of the page times at 10,000 apps to those at 1,000. */
  readonly page_ratio: {
    readonly median: number;
    /** Of lists that are as long as before, as those of a member are. */
    readonly same_length: Worst;
    /** Of lists with as many more rows. */
    readonly grown: Worst;
  };
}

interface Worst {
  readonly worst: number;
  readonly worst_page: string;
}

/** `npm run bench -- api [sqlite|postgres]`: what cloud-controller's API costs, on each database. */
export async function benchApi(args: readonly string[], stopped: AbortSignal): Promise<object> {
  const known: readonly Engine[] = ['sqlite', 'postgres'];
  const engines = args.length === 0 ? known : known.filter((engine) => args.includes(engine));
  if (engines.length === 0) throw new Error('usage: npm run bench -- api [sqlite|postgres]');
  const results: Partial<Record<Engine, EngineResult>> = {};
  const bare: Record<string, number> = {};
  for (const engine of engines) {
    stopped.throwIfAborted();
    if (engine === 'postgres' && postgresPrograms() === undefined) {
      console.log('SKIPPED on PostgreSQL: "apt-get install postgresql".');
      continue;
    }
    const platform = await startApiPlatform(engine);
    try {
      results[engine] = await measure(platform, stopped, bare);
    } finally {
      await platform.stop();
    }
  }
  const { sqlite, postgres } = results;
  const versus = (of: 'app_summary' | 'list_1000_apps' | 'apply_manifest'): number | undefined =>
    sqlite === undefined || postgres === undefined
      ? undefined
      : round((postgres[of].cpu_ms + postgres[of].database_cpu_ms) / sqlite[of].cpu_ms);
  return {
    bench: 'api',
    ...results,
    // What sending the same bytes costs a bare Fastify route: nothing can be below.
    bare_route_cpu_ms: bare,
    postgres_to_sqlite: {
      app_summary: versus('app_summary'),
      list_1000_apps: versus('list_1000_apps'),
      apply_manifest: versus('apply_manifest'),
    },
  };
}

async function measure(
  platform: ApiPlatform,
  stopped: AbortSignal,
  bare: Record<string, number>,
): Promise<EngineResult> {
  const { engine } = platform;
  const admin = await platform.clientFor('admin', 'admin');
  const tenancy = await createTenancy(platform, admin);
  const say = (text: string): void => console.log(`${engine}: ${text}`);
  const seed = async (from: number, to: number): Promise<void> => {
    const started = performance.now();
    const used = await cpuOf(platform.pid, platform.databasePid, () => createApps(admin, tenancy, from, to));
    const seconds = ((performance.now() - started) / 1_000).toFixed(0);
    const each = ((used.service + used.database) / (to - from)).toFixed(2);
    say(`${to} apps after ${seconds} s, ${each} ms of processor time for each`);
    stopped.throwIfAborted();
  };
  await seed(0, FEW);
  const app = await runApp(platform, admin, tenancy.ownSpace, 'app-7');
  const member = await platform.clientFor(MEMBER.username, MEMBER.password);
  await measurePages(platform, { admin, member }, tenancy);
  const few = await measurePages(platform, { admin, member }, tenancy);
  const memoryFew = await memoryOf(platform);
  stopped.throwIfAborted();
  await seed(FEW, MANY);
  const many = await measurePages(platform, { admin, member }, tenancy);
  const memoryMany = await memoryOf(platform);
  say(`cloud-controller has ${memoryFew} MB with ${FEW} apps, ${memoryMany} MB with ${MANY}`);
  const ratios = printPages(say, few, many);
  const result = {
    app_summary: await costOf(platform, 100, () => appSummary(admin, tenancy, app)),
    list_1000_apps: await costOf(platform, 20, () => admin.get('/v3/apps?per_page=1000')),
    apply_manifest: await costOf(platform, 50, (n) => applyManifest(admin, tenancy, n)),
    memory_mb: { at_1000: memoryFew, at_10000: memoryMany },
    page_ms: { median_at_1000: medianOf(few), median_at_10000: medianOf(many) },
    page_ratio: ratios,
  };
  for (const [what, cost] of Object.entries(result).slice(0, 3)) say(`${what}: ${JSON.stringify(cost)}`);
  bare.list_1000_apps ??= round(await bareRouteMs((await admin.get('/v3/apps?per_page=1000')).body, 100));
  bare.one_of_the_summary ??= round(await bareRouteMs((await admin.get(`/v3/apps/${app}/processes`)).body, 500));
  return result;
}

/** What `cf app` asks for. */
async function appSummary(client: HttpClient, tenancy: Tenancy, app: string): Promise<void> {
  await client.get(`/v3/apps?names=app-7&space_guids=${tenancy.ownSpace}`);
  const { resources } = await client.json('GET', `/v3/apps/${app}/processes`);
  for (const { guid } of resources) {
    await client.get(`/v3/processes/${guid}/sidecars`);
    await client.get(`/v3/processes/${guid}/stats`);
  }
  await client.get(`/v3/apps/${app}/routes`);
  await client.get(`/v3/apps/${app}/droplets/current`);
  const query = `app_guids=${app}&status_values=ACTIVE&order_by=-created_at&page=1&per_page=1`;
  await client.get(`/v3/deployments?${query}`);
}

async function applyManifest(client: HttpClient, tenancy: Tenancy, n: number): Promise<void> {
  const manifest = `applications:\n- name: app-7\n  env:\n    TURN: "${n}"\n  processes:\n  - type: web\n    disk_quota: ${512 + (n % 2)}M\n`;
  const path = `/v3/spaces/${tenancy.ownSpace}/actions/apply_manifest`;
  const { headers } = await client.send('POST', path, manifest, 'application/x-yaml');
  const { pathname } = new URL(String(headers.location));
  for (;;) {
    const job = await client.json('GET', pathname);
    if (job.state === 'COMPLETE') return;
    if (job.state === 'FAILED') throw new Error(`the manifest was not applied: ${JSON.stringify(job.errors)}`);
  }
}

async function costOf(platform: ApiPlatform, count: number, work: (n: number) => Promise<unknown>): Promise<Cost> {
  const repeat = async (): Promise<void> => {
    for (let n = 0; n < count; n++) await work(n);
  };
  // Once to warm up, then the best of three: other processes only ever add.
  await repeat();
  let best = { service: Number.POSITIVE_INFINITY, database: 0 };
  for (let round = 0; round < 3; round++) {
    const used = await cpuOf(platform.pid, platform.databasePid, repeat);
    if (used.service + used.database < best.service + best.database) best = used;
  }
  const cpuMs = best.service / count;
  return {
    per_cpu_s: Math.round(1_000 / cpuMs),
    cpu_ms: round(cpuMs),
    database_cpu_ms: round(best.database / count),
  };
}

function printPages(say: (text: string) => void, few: PageTimes, many: PageTimes): EngineResult['page_ratio'] {
  const pages = [...few].map(([name, before]) => {
    const after = many.get(name);
    if (after === undefined) throw new Error(`${name} was measured but once`);
    return { name, before, after, ratio: after.ms / before.ms };
  });
  for (const { name, before, after, ratio } of pages) {
    const rows = before.listed === after.listed ? `${before.listed} rows` : `${before.listed} to ${after.listed} rows`;
    say(`${name.padEnd(48)} ${before.ms.toFixed(2)} ms, ${after.ms.toFixed(2)} ms: ${ratio.toFixed(2)} (${rows})`);
  }
  const worstOf = (some: typeof pages): Worst => {
    const worst = some.toSorted((a, b) => b.ratio - a.ratio)[0];
    if (worst === undefined) throw new Error('no pages were measured');
    return { worst: round(worst.ratio), worst_page: worst.name };
  };
  return {
    median: round(median(pages.map(({ ratio }) => ratio))),
    same_length: worstOf(pages.filter(({ before, after }) => before.listed === after.listed)),
    grown: worstOf(pages.filter(({ before, after }) => before.listed !== after.listed)),
  };
}

async function memoryOf({ pid }: ApiPlatform): Promise<number> {
  return round((await pssOfTree(pid))[0]?.mb ?? Number.NaN);
}

const medianOf = (pages: PageTimes): number => round(median([...pages.values()].map(({ ms }) => ms)));

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
