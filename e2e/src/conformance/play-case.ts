import { randomBytes } from 'node:crypto';
import { CfApiError, type CfClient, pushImage, type RegistryHandle } from '@slipway/testing';
import { z } from 'zod';
import { conformanceImage } from './conformance-image.ts';
import type { Case } from './row.ts';

/** What was seen of a case; compared with what must be. */
export interface Report {
  args: string[];
  cwd: string | undefined;
  user: string | undefined;
  env: ReadonlyMap<string, string>;
  probe: string[];
  /** All lines of the app's log, as `SOURCE: text`. */
  log: readonly string[];
  refused: string | undefined;
  notStaged: string | undefined;
}

export interface Stage {
  readonly cf: CfClient;
  readonly registry: RegistryHandle;
  readonly spaceGuid: string;
  /** Waits until it gives something. */
  readonly until: <T>(look: () => Promise<T | undefined>) => Promise<T>;
}

const processSchema = z.object({ guid: z.string() });
const readSchema = z.object({
  envelopes: z.object({
    batch: z.array(
      z.object({
        timestamp: z.string(),
        tags: z.record(z.string(), z.string()),
        log: z.object({ payload: z.string() }).optional(),
      }),
    ),
  }),
});

/** Pushes the image, runs it as an app, and reads what it tells; then the app is stopped and deleted. */
export async function playCase(stage: Stage, { image, app = {}, see }: Case): Promise<Report> {
  const { cf, registry, spaceGuid } = stage;
  const name = `c${randomBytes(5).toString('hex')}`;
  const report: Report = {
    args: [],
    cwd: undefined,
    user: undefined,
    env: new Map(),
    probe: [],
    log: [],
    refused: undefined,
    notStaged: undefined,
  };
  const { reference } = await pushImage(registry, name, 'v1', await conformanceImage(image));
  const environment = { ...app.environment, PROBE: app.probe ?? ':', SETTING: app.setting ?? ':' };
  const appGuid = await cf.createApp(name, spaceGuid, environment);
  try {
    const build = await cf.createBuild(await cf.createPackage(appGuid, reference));
    const droplet = await cf.waitForBuild(build).catch((error: unknown) => {
      if (see.notStaged === undefined) throw error;
      report.notStaged = String(error);
    });
    if (droplet === undefined) return report;
    await cf.setDroplet(appGuid, droplet);
    const process = await cf.call('GET', `/v3/apps/${appGuid}/processes/web`, processSchema);
    await cf.call('PATCH', `/v3/processes/${process.guid}`, processSchema, {
      ...(app.command === undefined ? {} : { command: app.command }),
      health_check: { type: app.healthCheck ?? 'process' },
    });
    await cf.call('POST', `/v3/processes/${process.guid}/actions/scale`, processSchema, {
      memory_in_mb: 32,
      disk_in_mb: 32,
    });
    for (const feature of app.features ?? []) {
      await cf.call('PATCH', `/v3/apps/${appGuid}/features/${feature}`, z.unknown(), { enabled: true });
    }
    try {
      await cf.action(appGuid, 'start');
    } catch (error) {
      if (!(error instanceof CfApiError) || see.refused === undefined) throw error;
      return { ...report, refused: error.message };
    }
    await observe(stage, appGuid, see, report);
    return report;
  } finally {
    await cf.deleteApp(appGuid);
  }
}

async function observe(stage: Stage, appGuid: string, see: Case['see'], report: Report): Promise<void> {
  const untilLine = async (wanted: (line: string) => boolean): Promise<string> => {
    try {
      return await stage.until(async () => {
        report.log = await readLog(stage.cf, appGuid);
        return report.log.find(wanted);
      });
    } catch (cause) {
      throw new Error(`the app's log has no such line:\n${report.log.join('\n')}`, { cause });
    }
  };
  if (see.refused !== undefined) {
    report.refused = await untilLine((line) => line.includes(see.refused ?? ''));
    return;
  }
  await untilLine((line) => line === 'APP/PROC/WEB: report done');
  if (see.logged !== undefined) await untilLine((line) => line.includes(see.logged ?? ''));
  readReport(report);
  if (see.stopped === undefined) return;
  await stage.cf.action(appGuid, 'stop');
  await untilLine((line) => line === see.stopped?.at(-1));
}

function readReport(report: Report): void {
  for (const line of report.log) {
    const [, kind, rest = ''] = /^APP\/PROC\/WEB: (arg|cwd|user|env|probe) (.*)$/.exec(line) ?? [];
    if (kind === 'arg') report.args.push(rest);
    else if (kind === 'cwd' || kind === 'user') report[kind] = rest;
    else if (kind === 'probe') report.probe.push(rest);
    else if (kind === 'env') report.env = parseEnvironment(Buffer.from(rest, 'base64').toString());
  }
}

function parseEnvironment(text: string): ReadonlyMap<string, string> {
  return new Map(
    text
      .split('\0')
      .filter((entry) => entry !== '')
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
}

async function readLog(cf: CfClient, appGuid: string): Promise<string[]> {
  const answer = await cf.fetch('localhost', `/api/v1/read/${appGuid}?envelope_types=LOG&limit=1000`, {
    headers: { authorization: `bearer ${await cf.token()}` },
  });
  if (answer.status !== 200) return [];
  return readSchema
    .parse(JSON.parse(answer.body))
    .envelopes.batch.toSorted((a, b) => (BigInt(a.timestamp) < BigInt(b.timestamp) ? -1 : 1))
    .flatMap(({ tags, log }) =>
      log === undefined ? [] : [`${tags.source_type}: ${Buffer.from(log.payload, 'base64').toString()}`],
    );
}
