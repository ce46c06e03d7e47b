// @module-tag root
import { CfClient, checkAgainstOpenapi } from '@slipway/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { CommandReport } from './src/cli/command-report.ts';
import { type Cli, type CliVersion, cliVersions, type ObservedExchange } from './src/cli/command-runner.ts';
import { type FoundClis, findClis } from './src/cli/find-cli.ts';
import { type StartedPlatform, startPlatformForFlows } from './src/cli/platform-for-flows.ts';
import { realCli } from './src/cli/real-cli.ts';
import { recordedCli } from './src/cli/recorded-cli.ts';
import { readRecording } from './src/cli/recording.ts';
import { runFlow } from './src/cli/run-flow.ts';
import { flows } from './src/flows/index.ts';
import { tenancy } from './src/flows/tenancy.ts';

/*
 * Everything that people do with the stock cf CLI, against one platform: with the program itself where there is one, else
 * with what was recorded of it. CONTRIBUTING.md says how to record it again.
 */

let found: FoundClis;
let platform: StartedPlatform;
let client: CfClient;
let description: Readonly<Record<string, unknown>>;
const clis = new Map<CliVersion, Cli>();
const report = new CommandReport();
/** What no answer may be, whichever flow it is of. */
const faults = new Set<string>();

beforeAll(async () => {
  found = await findClis(process.env);
  platform = await startPlatformForFlows();
  client = new CfClient({ url: platform.url, username: 'admin', password: platform.adminPassword });
  description = await client.call('GET', '/v3/openapi.json', z.record(z.string(), z.unknown()));
  for (const version of cliVersions) {
    const program = found.programs.get(version);
    clis.set(version, program === undefined ? await recorded(version) : realCli(program));
  }
});

afterAll(async () => {
  await platform?.stop();
  const versions = cliVersions.map((version) => ({
    version,
    description: clis.get(version)?.description ?? 'not run',
  }));
  const why =
    found.missing.length === 0 ? '' : `Not all flows ran with the program itself: ${found.missing.join('; ')}.\n`;
  process.stdout.write(`\n${why}${report.table(versions)}`);
});

async function recorded(version: CliVersion, send = sender()): Promise<Cli> {
  const cli = (await readRecording(version, tenancy.name))?.header.cli ?? 'nothing';
  return recordedCli(version, send, `recordings of ${cli}`);
}

function sender(change: (path: string, body: string) => string = (_, body) => body): Parameters<typeof recordedCli>[1] {
  return async ({ method, path, headers, body }) => {
    const answer = await client.fetch('localhost', path, { method, headers, ...(body === undefined ? {} : { body }) });
    return { ...answer, body: change(path, answer.body) };
  };
}

/** Every answer of the suite is looked at, whoever asked. */
function observe(exchange: ObservedExchange): void {
  const { method, path, status, body } = exchange;
  const what = `${method} ${path.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'GUID')}`;
  if (status >= 500 && status !== 503) faults.add(`${what} answered ${status}`);
  if (body.includes(platform.images.guardedPassword) || body.includes(platform.adminPassword)) {
    faults.add(`${what} tells a password`);
  }
  if (!path.startsWith('/v3')) return;
  try {
    checkAgainstOpenapi(description, exchange);
  } catch (error) {
    faults.add(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

describe.each(cliVersions)('cf %s', (version) => {
  test.concurrent.for(flows)('$name', async (flow) => {
    const cli = clis.get(version);
    if (cli === undefined) throw new Error('there is nothing to run the flow with');
    const real = found.programs.has(version);
    const same = real || found.programs.size > 0 ? undefined : (await readRecording(version, flow.name))?.header.sameAs;
    // What would be sent is what was sent already.
    if (same !== undefined) return report.repeat(flow.name, same, version);
    await runFlow(flow, cli, platform, { run: `run${version}`, report, observe });
  });
});

test('no answer was an internal error, told a password, or was other than the OpenAPI document says', () => {
  expect([...faults].toSorted()).toEqual([]);
});

describe('a recording fails', () => {
  const broken: readonly (readonly [string, (path: string, body: string) => string, RegExp])[] = [
    [
      'when a field is missing',
      (path, body) => (path.startsWith('/v3/spaces') ? body.replaceAll('"name"', '"title"') : body),
      /name/,
    ],
    [
      'when a token cannot be used',
      (path, body) => (path.endsWith('/oauth/token') ? body.replace('"bearer"', '"Bearer"') : body),
      /token_type/,
    ],
    [
      'when a list has no resources',
      (path, body) => (path.includes('/v3/organizations?') ? body.replace('"resources"', '"items"') : body),
      /resources/,
    ],
    [
      'when a job fails',
      (path, body) => (path.startsWith('/v3/jobs/') ? body.replaceAll('COMPLETE', 'FAILED') : body),
      /FAILED/,
    ],
    ['when an answer is no JSON', (path, body) => (path.startsWith('/v3/roles') ? `${body}}` : body), /not JSON/],
  ];
  test.each(broken)('%s', async (_, change, reason) => {
    const cli = await recorded('v8', sender(change));
    const run = runFlow(tenancy, cli, platform, {
      run: `broken${broken.findIndex(([, one]) => one === change)}`,
      report: new CommandReport(),
    });
    await expect(run).rejects.toThrow(reason);
  });
});
