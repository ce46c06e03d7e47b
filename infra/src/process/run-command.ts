import { spawn } from 'node:child_process';

/** How a finished command ended. */
export interface CommandResult {
  readonly command: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** stdout and stderr in the order they came. */
  readonly output: string;
  readonly seconds: number;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Ends the command and everything it started. */
  readonly signal?: AbortSignal;
  /** Called with each piece of output as it comes. */
  readonly onOutput?: (text: string) => void;
}

/**
 * Runs a command to its end. The command gets a process group of its own, so that an abort also reaches what wrapper
 * scripts started. Rejects only when the command cannot be started.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  options.signal?.throwIfAborted();
  const started = performance.now();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const pieces: string[] = [];
  const stdout: string[] = [];
  const take = (text: string): void => {
    pieces.push(text);
    options.onOutput?.(text);
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout.push(text);
    take(text);
  });
  child.stderr.setEncoding('utf8').on('data', take);
  const killGroup = (): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  options.signal?.addEventListener('abort', killGroup, { once: true });
  try {
    return await new Promise<CommandResult>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exitCode, signal) => {
        const seconds = (performance.now() - started) / 1000;
        resolve({
          command: [command, ...args].join(' '),
          exitCode,
          signal,
          stdout: stdout.join(''),
          output: pieces.join(''),
          seconds,
        });
      });
    });
  } finally {
    options.signal?.removeEventListener('abort', killGroup);
  }
}

/** The same for a command that is to succeed: its stdout. Throws with all of its output when it does not. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await runCommand(command, args, options);
  if (result.exitCode !== 0) throw new Error(`${result.command}: ended with ${result.exitCode}:\n${result.output}`);
  return result.stdout;
}
