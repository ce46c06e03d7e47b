import { constants } from 'node:os';
import type { ServerChannel, Session } from 'ssh2';
import type { CellSession } from '../adapters/cell-link.ts';
import { agentArguments } from '../domain/file-agent.ts';
import { isScpServer, parseScpCall } from '../domain/scp-message.ts';
import { addVariable, shellArguments, terminalSize } from '../domain/shell.ts';
import { ContainerFiles } from './container-files.ts';
import { serveScp } from './scp.ts';
import { endSftp, serveSftp } from './sftp.ts';

export interface ExecRequest {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly terminal?: { readonly columns: number; readonly rows: number };
}

export interface SessionDeps {
  readonly exec: (request: ExecRequest) => Promise<CellSession>;
  readonly onProblem: (error: unknown) => void;
}

/** Exit statuses of sshd and of shells. */
const CANNOT_START = 255;
const SIGNAL_BASE = 128;

/** Serves one session of a client: a shell, a command, scp, or the SFTP subsystem. */
export function serveSession(session: Session, deps: SessionDeps): void {
  const variables = new Map<string, string>();
  let terminal: { columns: number; rows: number } | undefined;
  let running: CellSession | undefined;
  /** Of the last signal that the client sent. */
  let signalled: string | undefined;

  const reply = (accept: (() => void) | false, reject: (() => void) | false, good: boolean): void => {
    if (good && accept) accept();
    if (!good && reject) reject();
  };
  session.on('env', (accept, reject, { key, val }: { key: string; val: string }) =>
    reply(accept, reject, addVariable(variables, key, val)),
  );
  session.on('pty', (accept, _reject, info) => {
    terminal = terminalSize(info.cols, info.rows);
    const { term } = info as typeof info & { readonly term?: string };
    addVariable(variables, 'TERM', term === undefined || term === '' ? 'xterm' : term);
    accept?.();
  });
  session.on('window-change', (accept, _reject, { cols, rows }) => {
    terminal = terminalSize(cols, rows);
    running?.resize(terminal);
    accept?.();
  });
  session.on('signal', (accept, reject, { name }) => {
    signalled = `SIG${name}`;
    const known = Object.hasOwn(constants.signals, signalled);
    if (known) running?.signal(signalled);
    reply(accept, reject, known);
  });

  /** Undefined when it could not be started, of which the client was told. */
  const begin = async (channel: ServerChannel, argv: readonly string[]): Promise<CellSession | undefined> => {
    try {
      const environment = Object.fromEntries(variables);
      const cell = await deps.exec({ argv, environment, ...(terminal === undefined ? {} : { terminal }) });
      channel.once('close', () => cell.destroy());
      if (channel.destroyed) cell.destroy();
      running = cell;
      return cell;
    } catch (error) {
      deps.onProblem(error);
      channel.stderr.write(`${error instanceof Error ? error.message : 'The session could not be started'}\r\n`);
      finish(channel, CANNOT_START);
      return undefined;
    }
  };

  const run = async (channel: ServerChannel, command: string | undefined): Promise<void> => {
    const cell = await begin(channel, shellArguments(command));
    if (cell === undefined) return;
    channel.pipe(cell);
    cell.pipe(channel, { end: false });
    cell.stderr.pipe(channel.stderr, { end: false });
    const status = await cell.exited;
    await Promise.all([drained(cell, channel), drained(cell.stderr, channel)]);
    if (status === undefined) channel.stderr.write('The connection to the cell was lost\r\n');
    const number = status === undefined || status <= SIGNAL_BASE ? undefined : status - SIGNAL_BASE;
    const wasSignal = signalled !== undefined && constants.signals[signalled as NodeJS.Signals] === number;
    if (wasSignal && signalled !== undefined) finishBySignal(channel, signalled.slice('SIG'.length));
    else finish(channel, status ?? CANNOT_START);
  };

  const scp = async (channel: ServerChannel, command: string): Promise<void> => {
    terminal = undefined;
    const cell = await begin(channel, agentArguments);
    if (cell === undefined) return;
    const files = new ContainerFiles(cell);
    const call = parseScpCall(await files.words(command).catch(() => []));
    if (call === undefined) {
      files.close();
      // The container's shell has read it, and done what it says besides: it is not to be done once more.
      channel.stderr.write('This is no call of scp that can be served\r\n');
      return finish(channel, 1);
    }
    const status = await serveScp(channel, files, call);
    files.close();
    finish(channel, status);
  };

  const guarded = (work: Promise<void>, channel: ServerChannel): void => {
    work.catch((error: unknown) => {
      deps.onProblem(error);
      channel.close();
    });
  };
  session.once('shell', (accept) => {
    const channel = accept();
    guarded(run(channel, undefined), channel);
  });
  session.once('exec', (accept, _reject, { command }) => {
    const channel = accept();
    guarded(isScpServer(command) ? scp(channel, command) : run(channel, command), channel);
  });
  session.once('sftp', (accept) => {
    const sftp = accept();
    const opening = deps.exec({ argv: agentArguments, environment: Object.fromEntries(variables) }).then((cell) => {
      sftp.once('close', () => cell.destroy());
      void cell.exited.then((status) => endSftp(sftp, status ?? CANNOT_START));
      return new ContainerFiles(cell);
    });
    opening.catch(deps.onProblem);
    serveSftp(sftp, opening);
  });
}

/** Resolves when all that a stream had was passed on, or nobody is there to take it. */
function drained(
  stream: NodeJS.ReadableStream & { readonly readableEnded?: boolean },
  channel: ServerChannel,
): Promise<void> {
  if (stream.readableEnded === true || channel.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once('end', resolve);
    stream.once('close', resolve);
    channel.once('close', resolve);
  });
}

function finish(channel: ServerChannel, status: number): void {
  if (channel.destroyed) return;
  channel.exit(status);
  channel.end();
}

function finishBySignal(channel: ServerChannel, name: string): void {
  if (channel.destroyed) return;
  channel.exit(name, false, '');
  channel.end();
}
