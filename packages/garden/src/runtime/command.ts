import { spawn } from 'node:child_process';
import { GardenError, type GardenPhase } from '../errors.ts';
import type { ContainerStep } from './container-steps.ts';
import { pastDeadline } from './deadlines.ts';

/** More of a tool's output than this says nothing more. */
const MAX_OUTPUT = 64 * 1024;

export interface CommandOptions {
  readonly phase: GardenPhase;
  readonly input?: string;
  /** Default 30 s: these tools take milliseconds, and one that does not is stuck. */
  readonly timeoutMs?: number;
  /** Of a container, to be named when the tool is stuck. */
  readonly step?: ContainerStep;
  /** What the message calls it; default: the program and its first argument. */
  readonly what?: string;
}

/** Runs a tool to its end and gives its standard output; throws GardenError RUNTIME_FAILED or RUNTIME_TIMEOUT. */
export type CommandRunner = (program: string, args: readonly string[], options: CommandOptions) => Promise<string>;

const DEFAULT_TIMEOUT_MS = 30_000;

/** Where the tools are, whatever PATH the rep was started with. */
const TOOL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export const runCommand: CommandRunner = async (program, args, options) => {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: TOOL_PATH, LC_ALL: 'C' } });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      if (output[stream].length < MAX_OUTPUT) output[stream] += text;
    });
  }
  child.stdin.on('error', () => undefined); // a tool that does not read ends with a status that says more
  child.stdin.end(options.input ?? '');
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  const what = options.what ?? `${program} ${args[0] ?? ''}`.trim();
  try {
    const status = await new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(signal ?? String(code)));
    });
    if (timedOut) {
      const { phase, step } = options;
      if (step !== undefined) throw pastDeadline({ step, phase, what }, timeoutMs);
      const details = { program, deadlineMs: timeoutMs };
      throw new GardenError('RUNTIME_TIMEOUT', phase, `${what} did not end within ${timeoutMs} ms`, { details });
    }
    if (status === '0') return output.stdout;
    const reason = output.stderr.trim() === '' ? 'no message' : output.stderr.trim();
    throw new GardenError('RUNTIME_FAILED', options.phase, `${what} failed (${status}): ${reason}`, {
      details: { program, args, status },
    });
  } catch (error) {
    if (error instanceof GardenError) throw error;
    throw new GardenError('RUNTIME_FAILED', options.phase, `${program} could not be run: ${error}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
};
