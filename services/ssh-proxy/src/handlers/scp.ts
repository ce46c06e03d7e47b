import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { FileStat } from '../domain/file-agent.ts';
import { formatScpMessage, parseScpMessage, type ScpCall, type ScpMessage } from '../domain/scp-message.ts';
import { ByteReader } from './byte-reader.ts';
import { type ContainerFiles, FileError } from './container-files.ts';

const MAX_LINE = 8_192;
const BLOCK_BYTES = 512 * 1024;
const MAX_DEPTH = 64;
const TYPE = 0o170000;
const DIRECTORY = 0o040000;
const REGULAR = 0o100000;
const OK = Buffer.from([0]);

/** The other side has said what it cannot do, or is gone. */
class ScpEnded extends Error {}

/**
 * The other side of a client's scp, in its own protocol (`scp -O`, and all before OpenSSH 9), for images need not have
 * the program. Resolves with the exit status.
 */
export async function serveScp(channel: Duplex, files: ContainerFiles, call: ScpCall): Promise<number> {
  const copy = new ScpCopy(channel, files, call);
  try {
    await (call.direction === 'to' ? copy.take() : copy.give());
    return copy.problems === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof ScpEnded)) await copy.complain(error, true).catch(() => undefined);
    return 1;
  }
}

class ScpCopy {
  problems = 0;
  readonly #channel: Duplex;
  readonly #reader: ByteReader;
  readonly #files: ContainerFiles;
  readonly #call: ScpCall;

  constructor(channel: Duplex, files: ContainerFiles, call: ScpCall) {
    this.#channel = channel;
    this.#reader = new ByteReader(channel);
    this.#files = files;
    this.#call = call;
  }

  async complain(error: unknown, fatal: boolean): Promise<void> {
    this.problems += 1;
    const text = `scp: ${error instanceof Error ? error.message : 'failed'}`;
    await this.#say({ kind: 'error', fatal, text });
  }

  async take(): Promise<void> {
    const target = this.#call.paths[0] ?? '.';
    const isDirectory = await this.#isDirectory(target);
    if (this.#call.directory && !isDirectory) throw new FileError(`${target}: Not a directory`);
    await this.#write(OK);
    await this.#takeInto(target, isDirectory, 0);
  }

  async give(): Promise<void> {
    await this.#acknowledged();
    for (const path of this.#call.paths) {
      try {
        await this.#giveOne(path, 0);
      } catch (error) {
        if (error instanceof ScpEnded) throw error;
        await this.complain(error, false);
      }
    }
  }

  /** What is sent until its end, into a directory, or as the one file `target`. */
  async #takeInto(target: string, isDirectory: boolean, depth: number): Promise<void> {
    let times: { readonly mtime: number; readonly atime: number } | undefined;
    for (;;) {
      const line = await this.#reader.line(MAX_LINE);
      if (line === undefined) return;
      const message = parseScpMessage(line);
      if (message === undefined) throw new FileError('protocol error: an unexpected message');
      if (message.kind === 'error') {
        this.problems += 1;
        if (message.fatal) throw new ScpEnded(message.text);
        continue;
      }
      if (message.kind === 'end') {
        await this.#write(OK);
        return;
      }
      if (message.kind === 'times') {
        times = message;
        await this.#write(OK);
        continue;
      }
      const path = isDirectory ? `${target.replace(/\/+$/, '')}/${message.name}` : target;
      if (message.kind === 'file') await this.#takeFile(path, message);
      else {
        if (!this.#call.recursive || depth >= MAX_DEPTH) throw new FileError(`${path}: a directory was not expected`);
        if (!(await this.#isDirectory(path))) await this.#files.mkdir(path, message.mode | 0o700);
        await this.#write(OK);
        await this.#takeInto(path, true, depth + 1);
        if (this.#call.times) await this.#files.chmod(path, message.mode);
      }
      if (times !== undefined) await this.#files.setTimes(path, times.atime, times.mtime).catch(() => undefined);
      times = undefined;
    }
  }

  async #takeFile(path: string, { mode, size }: { readonly mode: number; readonly size: number }): Promise<void> {
    let problem: unknown;
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      if (problem !== undefined) return;
      await work().catch((error: unknown) => {
        problem = error;
      });
    };
    await attempt(() => this.#files.create(path, { mode, how: 'truncate' }));
    if (problem !== undefined) {
      // The client then sends nothing of it.
      await this.complain(named(problem, path), false);
      return;
    }
    await this.#write(OK);
    for (let at = 0; at < size; ) {
      const piece = await this.#reader.exactly(Math.min(BLOCK_BYTES, size - at));
      if (piece.length === 0) throw new ScpEnded('the client is gone');
      const offset = at;
      await attempt(() => this.#files.write(path, offset, piece));
      at += piece.length;
    }
    if (this.#call.times) await attempt(() => this.#files.chmod(path, mode));
    try {
      await this.#acknowledged();
    } catch (error) {
      // The client could not read all of its file, and goes on with the next.
      if (!(error instanceof ScpRefused)) throw error;
      problem ??= error;
    }
    if (problem === undefined) await this.#write(OK);
    else await this.complain(named(problem, path), false);
  }

  async #giveOne(path: string, depth: number): Promise<void> {
    const stat = await this.#files.stat(path).catch((error: unknown) => {
      throw named(error, path);
    });
    const name = path.replace(/\/+$/, '').split('/').at(-1) ?? '';
    const type = stat.mode & TYPE;
    if (type === DIRECTORY) await this.#giveDirectory(path, name === '' || name === '..' ? '.' : name, stat, depth);
    else if (type === REGULAR) await this.#giveFile(path, name, stat);
    else throw new FileError(`${path}: not a regular file`);
  }

  async #giveDirectory(path: string, name: string, stat: FileStat, depth: number): Promise<void> {
    if (!this.#call.recursive || depth >= MAX_DEPTH) throw new FileError(`${path}: not a regular file`);
    const names = await this.#files.names(path);
    await this.#giveTimes(stat);
    await this.#offer({ kind: 'directory', mode: stat.mode, size: 0, name });
    for (const each of names.toSorted()) {
      try {
        if (/[\n]/.test(each)) throw new FileError(`a name in ${path} has a newline in it`);
        await this.#giveOne(`${path.replace(/\/+$/, '')}/${each}`, depth + 1);
      } catch (error) {
        if (error instanceof ScpEnded) throw error;
        await this.complain(error, false);
      }
    }
    await this.#offer({ kind: 'end' });
  }

  async #giveFile(path: string, name: string, stat: FileStat): Promise<void> {
    let block = stat.size === 0 ? Buffer.alloc(0) : await this.#files.read(path, 0, BLOCK_BYTES);
    await this.#giveTimes(stat);
    await this.#offer({ kind: 'file', mode: stat.mode, size: stat.size, name });
    let problem: unknown;
    for (let at = 0; at < stat.size; ) {
      // As many as were promised, whatever becomes of the file.
      const piece = block.subarray(0, stat.size - at);
      const sent = piece.length > 0 ? piece : Buffer.alloc(Math.min(BLOCK_BYTES, stat.size - at));
      if (piece.length === 0) problem ??= new FileError('it became shorter');
      await this.#write(sent);
      at += sent.length;
      if (at >= stat.size || problem !== undefined) continue;
      block = await this.#files.read(path, at, BLOCK_BYTES).catch((error: unknown) => {
        problem = error;
        return Buffer.alloc(0);
      });
    }
    if (problem === undefined) await this.#write(OK);
    else await this.complain(named(problem, path), false);
    await this.#acknowledged();
  }

  async #giveTimes({ mtime, atime }: FileStat): Promise<void> {
    if (this.#call.times) await this.#offer({ kind: 'times', mtime, atime });
  }

  async #offer(message: ScpMessage): Promise<void> {
    await this.#say(message);
    await this.#acknowledged();
  }

  async #isDirectory(path: string): Promise<boolean> {
    try {
      return ((await this.#files.stat(path)).mode & TYPE) === DIRECTORY;
    } catch (error) {
      if (error instanceof FileError) return false;
      throw error;
    }
  }

  /** Waits for the other side's zero; 1 is a complaint with its text, after which it goes on, 2 the last. */
  async #acknowledged(): Promise<void> {
    const byte = (await this.#reader.some(1))[0];
    if (byte === 0) return;
    const text = byte === undefined ? 'the client is gone' : ((await this.#reader.line(MAX_LINE)) ?? '');
    this.problems += 1;
    if (byte !== 1) throw new ScpEnded(text);
    throw new ScpRefused(text);
  }

  async #say(message: ScpMessage): Promise<void> {
    await this.#write(Buffer.from(formatScpMessage(message)));
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#channel.destroyed) throw new ScpEnded('the client is gone');
    if (!this.#channel.write(bytes)) await Promise.race([once(this.#channel, 'drain'), once(this.#channel, 'close')]);
  }
}

/** The client does not want this one file. */
class ScpRefused extends FileError {}

function named(error: unknown, path: string): unknown {
  return error instanceof FileError ? new FileError(`${path}: ${error.message.replace(/^.*: /, '')}`) : error;
}
