import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cli, CliVersion, Command, FlowContext, FlowRunner, Outcome } from './command-runner.ts';
import { type Exchange, type RecordingProxy, startRecordingProxy } from './recording-proxy.ts';

/** The slowest waits for a deployment, which is polled every 3 s. A command that takes longer hangs. */
const COMMAND_DEADLINE_MS = 180_000;

/** A command of the real CLI with what it sent. */
export interface CommandTrace {
  readonly actor: string;
  readonly args: readonly string[];
  readonly exchanges: readonly Exchange[];
}

/** Runs the program itself; `traced` gets each command when it has ended. */
export function realCli(
  program: { readonly path: string; readonly version: CliVersion; readonly description: string },
  traced: (context: FlowContext, trace: CommandTrace) => void = () => undefined,
): Cli {
  return {
    version: program.version,
    description: program.description,
    open: async (context) => new RealFlowRunner(program.path, context, traced),
  };
}

interface Ended {
  readonly status: number | null;
  readonly output: string;
  readonly saidAt: number | undefined;
}

interface Home {
  readonly directory: string;
  readonly proxy: RecordingProxy;
  pending: Promise<Exchange>[];
}

class RealFlowRunner implements FlowRunner {
  readonly #program: string;
  readonly #context: FlowContext;
  readonly #traced: (context: FlowContext, trace: CommandTrace) => void;
  readonly #homes = new Map<string, Promise<Home>>();

  constructor(program: string, context: FlowContext, traced: (context: FlowContext, trace: CommandTrace) => void) {
    this.#program = program;
    this.#context = context;
    this.#traced = traced;
  }

  async run(command: Command): Promise<Outcome> {
    const home = await this.#home(command.actor);
    const { platform } = this.#context;
    const args = command.args.map((arg) => arg.replaceAll(`http://${platform}`, home.proxy.origin));
    const child = spawn(this.#program, args, {
      cwd: this.#context.directory,
      env: {
        PATH: process.env.PATH,
        HOME: home.directory,
        CF_HOME: home.directory,
        CF_COLOR: 'false',
        LC_ALL: 'C',
        ...command.expected.env,
      },
    });
    child.stdin.end((command.expected.input ?? []).map((line) => `${line}\n`).join(''));
    const ended = await this.#end(child, command);
    const settled = await Promise.allSettled(home.pending);
    home.pending = [];
    const exchanges = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    for (const { method, path, status, answerHeaders: headers, answer: body } of exchanges) {
      this.#context.observe?.({ method, path, status, headers, body });
    }
    this.#traced(this.#context, { actor: command.actor, args: command.args, exchanges });
    judge(command, ended);
    return { output: ended.output.replaceAll(home.proxy.origin, `http://${platform}`), saidAt: ended.saidAt };
  }

  async close(): Promise<void> {
    for (const home of this.#homes.values()) await (await home).proxy.stop();
  }

  #home(actor: string): Promise<Home> {
    const known = this.#homes.get(actor);
    if (known !== undefined) return known;
    const make = async (): Promise<Home> => {
      const directory = join(this.#context.directory, `.home-${actor}`);
      await mkdir(directory, { recursive: true });
      const home: Home = {
        directory,
        proxy: await startRecordingProxy(this.#context.platform, (exchange) => home.pending.push(exchange)),
        pending: [],
      };
      return home;
    };
    const made = make();
    this.#homes.set(actor, made);
    return made;
  }

  async #end(child: ChildProcess, { expected }: Command): Promise<Ended> {
    let saidAt: number | undefined;
    let output = '';
    const until = expected.until;
    let triggered = false;
    let failure: unknown;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (until === undefined) return;
        // Its first words: it is about to read.
        if (!triggered) {
          triggered = true;
          until.trigger().catch((error: unknown) => {
            failure = error;
            child.kill('SIGINT');
          });
        }
        if (saidAt === undefined && until.says.test(output)) {
          saidAt = performance.now();
          child.kill('SIGINT');
        }
      });
    }
    const deadline = setTimeout(() => child.kill('SIGKILL'), COMMAND_DEADLINE_MS);
    const [status] = (await once(child, 'close')) as [number | null];
    clearTimeout(deadline);
    if (failure !== undefined) throw new Error('what was to be followed did not happen', { cause: failure });
    return { status, output, saidAt };
  }
}

/** Throws with the CLI's output when the command did not come to what was expected. */
function judge({ expected }: Command, { status, output }: Ended): void {
  const complain = (what: string): never => {
    throw new Error(`${what}; it said:\n${output.trim()}`);
  };
  if (expected.until !== undefined) {
    if (!expected.until.says.test(output)) complain(`ended without saying ${expected.until.says}`);
    return;
  }
  if (status === null) complain(`was still running after ${COMMAND_DEADLINE_MS / 1000} s`);
  if (status !== (expected.status ?? 0)) complain(`ended with ${status} instead of ${expected.status ?? 0}`);
  const has = (text: string | RegExp): boolean =>
    typeof text === 'string' ? output.includes(text) : text.test(output);
  for (const text of expected.says ?? []) if (!has(text)) complain(`did not say ${text}`);
  for (const text of expected.hides ?? []) if (has(text)) complain(`said ${text}`);
}
