import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CfClient } from '@slipway/testing';
import type { CommandReport } from './command-report.ts';
import type { Cli, FlowContext, ObservedExchange } from './command-runner.ts';
import type { Actor, Flow, FlowImages, FlowSession } from './flow.ts';

const fixtures = join(import.meta.dirname, '../../fixtures');
const EVENTUALLY_MS = 90_000;
const ASK_AGAIN_MS = 100;
/** With so many failures the rest of a flow says nothing new, and takes long. */
const MAXIMUM_FAILURES = 12;

export interface FlowPlatform {
  readonly url: string;
  readonly adminPassword: string;
  readonly registry: string;
  readonly guardedRegistry: string;
  readonly images: FlowImages;
}

export interface FlowRunOptions {
  /** Begins all names: those of two runs on one platform must differ. */
  readonly run: string;
  readonly report: CommandReport;
  readonly observe?: (exchange: ObservedExchange) => void;
}

/** Runs one flow. Throws at its end with everything that failed in it. */
export async function runFlow(flow: Flow, cli: Cli, platform: FlowPlatform, options: FlowRunOptions): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), `slipway-${flow.name}-`));
  const context: FlowContext = {
    flow: flow.name,
    run: options.run,
    platform: new URL(platform.url).host,
    registry: platform.registry,
    directory,
    variables: new Map([
      ['admin', platform.adminPassword],
      ['guarded-registry', platform.guardedRegistry],
      ['guarded-password', platform.images.guardedPassword],
    ]),
    observe: options.observe,
  };
  const failures: string[] = [];
  try {
    await cp(fixtures, directory, { recursive: true });
    const runner = await cli.open(context);
    try {
      await flow.run(sessionOf(flow, cli, runner, platform, { ...options, context, failures }));
    } catch (error) {
      failures.push(`the flow ended early: ${describe(error)}`);
    } finally {
      await runner.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  if (failures.length > 0) throw new Error(failures.join('\n\n'));
}

interface Running extends FlowRunOptions {
  readonly context: FlowContext;
  readonly failures: string[];
}

function sessionOf(
  flow: Flow,
  cli: Cli,
  runner: Awaited<ReturnType<Cli['open']>>,
  platform: FlowPlatform,
  { context, failures, report, run }: Running,
): FlowSession {
  const actor = (name: string): Actor => ({
    name,
    cf: async (args, expected = {}) => {
      try {
        const outcome = await runner.run({ actor: name, args, expected });
        report.add({ version: cli.version, flow: flow.name, args });
        return outcome;
      } catch (error) {
        const shown = args.map((arg) =>
          [...context.variables.values()].reduce((text, secret) => text.replaceAll(secret, '***'), arg),
        );
        const failure = describe(error);
        report.add({ version: cli.version, flow: flow.name, args: shown, failure });
        failures.push(`${name}: cf ${shown.join(' ')}\n${failure}`);
        if (failures.length >= MAXIMUM_FAILURES) throw new Error('too much fails', { cause: error });
        return { output: '' };
      }
    },
  });
  const note = async (what: string, holds: () => Promise<void>): Promise<void> => {
    try {
      await holds();
    } catch (error) {
      failures.push(`${what}: ${describe(error)}`);
    }
  };
  return {
    images: platform.images,
    platformUrl: platform.url,
    api: new CfClient({ url: platform.url, username: 'admin', password: platform.adminPassword }),
    admin: actor('admin'),
    adminPassword: platform.adminPassword,
    actor,
    name: (part) => `${run}-${flow.name}-${part}`,
    password: (name) => {
      const known = context.variables.get(name);
      if (known !== undefined) return known;
      // Not guessed, but the same in the run, for whoever looks at what went wrong.
      const made = `Pw${run}${name}${flow.name.length}x${context.directory.slice(-6)}`.replaceAll(/[^A-Za-z0-9]/g, '');
      context.variables.set(name, made);
      return made;
    },
    write: (name, text) => writeFile(join(context.directory, name), text),
    read: (name) => readFile(join(context.directory, name), 'utf8'),
    check: note,
    eventually: (what, holds) => note(what, () => untilHolds(holds)),
    note: (text) => report.note(`${cli.version} ${flow.name}: ${text}`),
    recorded: cli.description.startsWith('recordings'),
  };
}

async function untilHolds(holds: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + EVENTUALLY_MS;
  for (;;) {
    try {
      await holds();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await delay(ASK_AGAIN_MS);
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}
