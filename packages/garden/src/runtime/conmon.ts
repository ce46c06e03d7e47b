import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { GardenError } from '../errors.ts';
import { identifyProcess, type ProcessIdentity } from '../sys/processes.ts';
import { errnoCode } from '../sys/sys-error.ts';
import type { ContainerPaths } from './cell-paths.ts';
import type { Programs } from './programs.ts';

/** runc takes 20 to 40 ms; on a machine that starts hundreds at once it takes its turn. */
const CREATE_TIMEOUT_MS = 60_000;

/** conmon says one line of JSON. */
const MAX_REPORT = 64 * 1024;

export interface CreateOrder {
  readonly handle: string;
  readonly programs: Programs;
  readonly runcRoot: string;
  readonly exitDir: string;
  readonly paths: ContainerPaths;
  /** Write ends of the log FIFOs, which become the app's standard output and error. */
  readonly stdoutFd: number;
  readonly stderrFd: number;
  readonly signal?: AbortSignal | undefined;
}

export interface CreatedProcesses {
  /** PID 1 of the container. It has not started the app yet. */
  readonly init: ProcessIdentity;
  readonly conmon: ProcessIdentity;
}

/**
 * Creates a container with `runc create` below conmon, which stays as its parent in the host: it writes the exit
 * status to the exit directory whether or not a rep is there. Output goes from the app straight into the FIFOs
 * (`passthrough`), so that conmon has nothing to copy.
 */
export async function createBelowConmon(order: CreateOrder): Promise<CreatedProcesses> {
  const child = spawn(order.programs.conmon, conmonArguments(order), {
    cwd: order.paths.dir,
    stdio: ['ignore', order.stdoutFd, order.stderrFd, 'pipe'],
    // The fourth descriptor is where conmon reports to.
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', _OCI_SYNCPIPE: '3' },
  });
  const pipe = child.stdio[3] as Readable;
  const deadline = AbortSignal.timeout(CREATE_TIMEOUT_MS);
  const either = order.signal === undefined ? deadline : AbortSignal.any([deadline, order.signal]);
  try {
    const spawned = new Promise<never>((_, reject) => child.once('error', reject));
    const report = await Promise.race([readReport(pipe, either), spawned]);
    const pid = parsePid(report);
    const init = pid === undefined ? undefined : identifyProcess(pid);
    const conmon = identifyProcess(Number(readPidFile(order.paths.conmonPidFile)));
    if (init === undefined || conmon === undefined) throw failure(order.paths, report);
    return { init, conmon };
  } catch (error) {
    if (error instanceof GardenError) throw error;
    if (order.signal?.aborted) throw new GardenError('CANCELLED', 'create', 'Cancelled', { cause: error });
    if (deadline.aborted) {
      throw new GardenError('RUNTIME_TIMEOUT', 'create', `runc create did not end within ${CREATE_TIMEOUT_MS} ms`);
    }
    throw new GardenError('RUNTIME_FAILED', 'create', `conmon could not be run: ${error}`, { cause: error });
  } finally {
    pipe.destroy();
  }
}

function conmonArguments(order: CreateOrder): string[] {
  const { handle, paths } = order;
  const runtimeArguments = ['--root', order.runcRoot, '--log', paths.runtimeLog, '--log-format', 'json'];
  return [
    ['--cid', handle, '--cuuid', handle, '--runtime', order.programs.runc],
    runtimeArguments.flatMap((each) => ['--runtime-arg', each]),
    ['--bundle', paths.dir, '--container-pidfile', paths.initPidFile, '--conmon-pidfile', paths.conmonPidFile],
    ['--exit-dir', order.exitDir, '--log-path', 'passthrough', '--log-level', 'error'],
  ].flat();
}

async function readReport(pipe: Readable, signal: AbortSignal): Promise<string> {
  let text = '';
  return await new Promise<string>((resolve, reject) => {
    const stop = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const done = (): void => {
      signal.removeEventListener('abort', stop);
      resolve(text);
    };
    pipe.setEncoding('utf8');
    pipe.on('data', (more: string) => {
      text += more;
      if (text.includes('\n') || text.length > MAX_REPORT) done();
    });
    // conmon ended, or the pipe broke with it: what was said counts.
    pipe.once('end', done);
    pipe.once('error', done);
  });
}

/** conmon reports `{"pid": N}`; -1 or nothing when the runtime failed. */
function parsePid(report: string): number | undefined {
  const match = /"pid":\s*(\d+)/.exec(report);
  return match === null ? undefined : Number(match[1]);
}

function failure(paths: ContainerPaths, report: string): GardenError {
  const reason = lastRuntimeError(readIfThere(paths.runtimeLog)) ?? (report.trim() || 'it left no message');
  // runc's own message begins with it.
  const message = `runc create failed: ${reason.replace(/^runc create failed: /, '')}`;
  return new GardenError('RUNTIME_FAILED', 'create', message);
}

/** The last error of runc's JSON log. */
export function lastRuntimeError(log: string): string | undefined {
  for (const line of log.trim().split('\n').reverse()) {
    const match = /"level":"(?:error|fatal)","msg":("(?:[^"\\]|\\.)*")/.exec(line);
    if (match?.[1] !== undefined) return JSON.parse(match[1]) as string;
  }
  return undefined;
}

function readPidFile(path: string): string {
  return readIfThere(path).trim();
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return '';
    throw error;
  }
}
