import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { GardenError } from '../errors.ts';
import { identifyProcess, type ProcessIdentity } from '../sys/processes.ts';
import { errnoCode } from '../sys/sys-error.ts';
import type { ContainerPaths, SidecarPaths } from './cell-paths.ts';
import { pastDeadline } from './deadlines.ts';
import type { Programs } from './programs.ts';

/** conmon says one line of JSON. */
const MAX_REPORT = 64 * 1024;

interface Order {
  readonly handle: string;
  readonly programs: Programs;
  readonly runcRoot: string;
  readonly paths: ContainerPaths;
  /** Write ends of the log FIFOs, which become the process's standard output and error. */
  readonly stdoutFd: number;
  readonly stderrFd: number;
  /** For runc to have done it. */
  readonly deadlineMs: number;
}

export interface CreateOrder extends Order {
  readonly exitDir: string;
  readonly signal?: AbortSignal | undefined;
}

export interface ExecOrder extends Order {
  readonly sidecar: SidecarPaths;
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
  const { handle, exitDir, paths } = order;
  const files = { pid: paths.initPidFile, conmonPid: paths.conmonPidFile, log: paths.runtimeLog, exitDir };
  const report = await runConmon(order, 'create', commonArguments(order, handle, files), order.signal);
  const pid = parsePid(report);
  const init = pid === undefined ? undefined : identifyProcess(pid);
  const conmon = identifyProcess(Number(readPidFile(paths.conmonPidFile)));
  if (init === undefined || conmon === undefined) throw failure('create', paths.runtimeLog, report);
  return { init, conmon };
}

/**
 * Starts another process in a running container with `runc exec`, below a conmon of its own. What has ended already is
 * null in the answer; its exit status is in the exit directory.
 */
export async function execBelowConmon(
  order: ExecOrder,
): Promise<{ readonly process: ProcessIdentity | null; readonly conmon: ProcessIdentity | null }> {
  const { sidecar } = order;
  const files = {
    pid: sidecar.pidFile,
    conmonPid: sidecar.conmonPidFile,
    log: sidecar.runtimeLog,
    exitDir: sidecar.exitDir,
  };
  const cuuid = `${order.handle}-${basename(sidecar.dir)}`;
  const report = await runConmon(order, 'start', [
    ...commonArguments(order, cuuid, files),
    // Without the version it would report nothing before the process has ended.
    ...['--exec', '--exec-process-spec', sidecar.process, '--api-version', '1'],
  ]);
  const pid = parsePid(report);
  if (pid === undefined) throw failure('start', sidecar.runtimeLog, report);
  const conmonPid = Number(readPidFile(sidecar.conmonPidFile));
  return { process: identifyProcess(pid) ?? null, conmon: identifyProcess(conmonPid) ?? null };
}

async function runConmon(
  order: Order,
  phase: 'create' | 'start',
  args: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  const child = spawn(order.programs.conmon, args, {
    cwd: order.paths.dir,
    stdio: ['ignore', order.stdoutFd, order.stderrFd, 'pipe'],
    // The fourth descriptor is where conmon reports to.
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', _OCI_SYNCPIPE: '3' },
  });
  const pipe = child.stdio[3] as Readable;
  const what = phase === 'create' ? 'runc create' : 'runc exec';
  const deadline = AbortSignal.timeout(order.deadlineMs);
  const either = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
  try {
    const spawned = new Promise<never>((_, reject) => child.once('error', reject));
    return await Promise.race([readReport(pipe, either), spawned]);
  } catch (error) {
    if (signal?.aborted) {
      throw new GardenError('CANCELLED', phase, `Cancelled while ${what} was under way`, { cause: error });
    }
    if (deadline.aborted) {
      const step = phase === 'create' ? 'create:runtime' : 'start:sidecars';
      throw pastDeadline({ step, phase, what }, order.deadlineMs, error);
    }
    throw new GardenError('RUNTIME_FAILED', phase, `conmon could not be run: ${error}`, { cause: error });
  } finally {
    pipe.destroy();
  }
}

function commonArguments(
  order: Order,
  cuuid: string,
  files: { readonly pid: string; readonly conmonPid: string; readonly log: string; readonly exitDir: string },
): string[] {
  const runtimeArguments = ['--root', order.runcRoot, '--log', files.log, '--log-format', 'json'];
  return [
    ['--cid', order.handle, '--cuuid', cuuid, '--runtime', order.programs.runc],
    runtimeArguments.flatMap((each) => ['--runtime-arg', each]),
    ['--bundle', order.paths.dir, '--container-pidfile', files.pid, '--conmon-pidfile', files.conmonPid],
    ['--exit-dir', files.exitDir, '--log-path', 'passthrough', '--log-level', 'error'],
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

/** conmon reports `{"pid": N}`, or `"data"` for it by its newer version; -1 or nothing when the runtime failed. */
function parsePid(report: string): number | undefined {
  const match = /"(?:pid|data)":\s*(\d+)/.exec(report);
  return match === null ? undefined : Number(match[1]);
}

function failure(phase: 'create' | 'start', runtimeLog: string, report: string): GardenError {
  const reason = lastRuntimeError(readIfThere(runtimeLog)) ?? (report.trim() || 'it left no message');
  const command = phase === 'create' ? 'runc create' : 'runc exec';
  // runc's own message begins with it.
  const text = reason.startsWith(`${command} failed: `) ? reason : `${command} failed: ${reason}`;
  return new GardenError('RUNTIME_FAILED', phase, text);
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
