import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { TOOLS_DESTINATION } from '../bundle/oci-config.ts';
import { mountOf } from '../cgroup/hierarchy.ts';
import { listCgroups, removeCgroup } from '../cgroup/removal.ts';
import { asGardenError, GardenError } from '../errors.ts';
import { signalProcess } from '../sys/processes.ts';
import { openPty, resizePty, type TerminalSize } from '../sys/pty.ts';
import type { CellContext } from './cell-context.ts';
import { findServingProcesses } from './cell-processes.ts';
import { PtyStream } from './pty-stream.ts';

/** Begins the names of all that belongs to a session: its file, its cgroup. */
const PREFIX = 'session-';

/** What to run in a container beside the app, as the app's user and under its limits. */
export interface ExecSpec {
  /** The program by its absolute path in the container, and its arguments. */
  readonly argv: readonly string[];
  /** On top of the app's own variables. */
  readonly environment?: Readonly<Record<string, string>>;
  /** With a terminal standard output and error are one. */
  readonly terminal?: TerminalSize;
}

/** The part of config.json that a session takes over. */
interface AppProcess {
  readonly env: readonly string[];
  readonly [field: string]: unknown;
}

/**
 * A process in a container for somebody who looks on. It ends, with all that it has started, when it is closed, when
 * its container ends, and at the latest when the next rep opens the cell.
 */
export class Session {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** None with a terminal. */
  readonly stderr: Readable | undefined;
  /** Resolves when the process has ended: its exit status, 128 and more when a signal ended it. */
  readonly exited: Promise<number>;
  /** Resolves when nothing that it started is left. Rejects with GardenError CGROUP_FAILED. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #terminal: PtyStream | undefined;
  readonly #cleanUp: () => Promise<void>;

  constructor(child: ChildProcess, terminal: PtyStream | undefined, cleanUp: () => Promise<void>) {
    this.#child = child;
    this.#terminal = terminal;
    this.#cleanUp = cleanUp;
    this.stdin = terminal ?? (child.stdin as Writable);
    this.stdout = terminal ?? (child.stdout as Readable);
    this.stderr = terminal === undefined ? (child.stderr as Readable) : undefined;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code) => resolve(code ?? 137));
      // runc could not be started.
      child.once('error', () => resolve(255));
    });
    this.ended = this.#end();
    // Whoever waits for it hears of it.
    this.ended.catch(() => undefined);
  }

  /** Nothing without a terminal. */
  resize(size: TerminalSize): void {
    if (this.#terminal?.resize(size) === true) this.#child.kill('SIGWINCH');
  }

  /** Passed on to the process; false when it has ended. */
  signal(name: NodeJS.Signals): boolean {
    return this.#child.exitCode === null && this.#child.kill(name);
  }

  /** Kills all processes of the session; what they wrote and nobody has read is lost. @throws GardenError CGROUP_FAILED */
  async close(): Promise<void> {
    // runc first: it could be about to put a process into the cgroup.
    this.#child.kill('SIGKILL');
    try {
      await this.ended;
    } finally {
      this.#terminal?.destroy();
    }
  }

  /** What the process has left behind goes with it: nobody would find it later. */
  async #end(): Promise<void> {
    await this.exited;
    await this.#cleanUp();
  }
}

/**
 * Starts a process with `runc exec`, in a cgroup of its own below the container's: whatever it starts is found there
 * again, whoever's child it has become. It begins in `/`, never in a directory that the image or the user names, so that
 * no descriptor of the host can be entered (CVE-2024-21626).
 * @throws GardenError CONTAINER_STATE, RUNTIME_FAILED
 */
export function startSession(context: CellContext, handle: string, cgroup: string, spec: ExecSpec): Session {
  const name = `${PREFIX}${randomUUID()}`;
  const paths = context.paths.container(handle);
  const file = paths.session(name);
  const process = sessionProcess(readFileSync(paths.config, 'utf8'), spec);
  const removeFile = (): void => rmSync(file, { force: true });
  try {
    // It has the app's environment, secrets included.
    writeFileSync(file, JSON.stringify(process), { mode: 0o600 });
    const option = makeCgroup(context, cgroup, name);
    const { child, terminal } = spawnRunc(context, ['exec', '--cgroup', option, '--process', file, handle], spec);
    return new Session(child, terminal, async () => {
      await removeCgroup(context.cgroups, join(cgroup, name));
      removeFile();
    });
  } catch (error) {
    removeFile();
    throw asGardenError(error, 'RUNTIME_FAILED', 'session', `Nothing could be started in the container ${handle}`);
  }
}

/** The names of sessions of a container, also of those of an earlier rep. */
export function findSessions(context: CellContext, handle: string, cgroup: string): readonly string[] {
  const files = readdirSync(context.paths.container(handle).dir)
    .filter((each) => each.startsWith(PREFIX))
    .map((each) => each.replace(/\.json$/, ''));
  const cgroups = listCgroups(context.cgroups, cgroup).filter((each) => each.startsWith(PREFIX));
  return [...new Set([...files, ...cgroups])];
}

/** Ends the sessions that an earlier rep had in a container. @throws GardenError CGROUP_FAILED */
export async function endSessions(context: CellContext, handle: string, cgroup: string): Promise<void> {
  const names = findSessions(context, handle, cgroup);
  if (names.length === 0) return;
  const { containers } = context.paths;
  const { dir, session } = context.paths.container(handle);
  for (const { process } of findServingProcesses(containers, (argument) => argument.startsWith(join(dir, PREFIX)))) {
    signalProcess(process, 'SIGKILL');
  }
  for (const name of names) {
    await removeCgroup(context.cgroups, join(cgroup, name));
    rmSync(session(name), { force: true });
  }
}

/** What `runc exec --process` reads: as the app is, but for what is asked. @throws GardenError CONTAINER_STATE, PROCESS_ENV_INVALID */
function sessionProcess(config: string, spec: ExecSpec): Readonly<Record<string, unknown>> {
  const { process, mounts } = JSON.parse(config) as {
    readonly process: AppProcess;
    readonly mounts: readonly { readonly destination: string }[];
  };
  if (!mounts.some(({ destination }) => destination === TOOLS_DESTINATION)) {
    const why = 'The container was made by an earlier release, without a shell for it: restart the app';
    throw new GardenError('CONTAINER_STATE', 'session', why);
  }
  const { environment = {}, terminal, argv } = spec;
  const wrong = Object.entries(environment).find(
    ([name, value]) => !/^[^=\s]+$/.test(name) || `${name}${value}`.includes('\0'),
  );
  if (wrong !== undefined)
    throw new GardenError('PROCESS_ENV_INVALID', 'session', 'A variable of the session has no name');
  const more = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const env = [...process.env.filter((line) => !Object.hasOwn(environment, line.split('=')[0] ?? '')), ...more];
  const size = terminal === undefined ? {} : { consoleSize: { width: terminal.columns, height: terminal.rows } };
  return { ...process, args: argv, env, cwd: '/', terminal: terminal !== undefined, ...size };
}

/** Makes the session's cgroup in one hierarchy; the container's own limits hold in all. Gives what runc is told. */
function makeCgroup({ cgroups }: CellContext, parent: string, name: string): string {
  mkdirSync(join(mountOf(cgroups, 'pids') ?? '', parent, name));
  return cgroups.version === 1 ? `pids:/${name}` : `/${name}`;
}

function spawnRunc(
  { programs, paths }: CellContext,
  args: readonly string[],
  { terminal }: ExecSpec,
): { readonly child: ChildProcess; readonly terminal: PtyStream | undefined } {
  const pty = terminal === undefined ? undefined : openPty(terminal);
  try {
    const command = ['--pdeathsig', 'KILL', '--', programs.runc, '--root', paths.runcRoot, ...args];
    const child = spawn('/usr/bin/setpriv', command, {
      stdio: pty === undefined ? 'pipe' : [pty.slave, pty.slave, pty.slave],
      cwd: '/',
      // Nothing of the rep's own reaches the container.
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
      detached: true,
    });
    child.stdin?.on('error', () => undefined); // the process need not read
    return { child, terminal: pty === undefined ? undefined : new PtyStream(pty.master, resizePty) };
  } finally {
    // runc has it now, and its end is the terminal's.
    if (pty !== undefined) closeSync(pty.slave);
  }
}
