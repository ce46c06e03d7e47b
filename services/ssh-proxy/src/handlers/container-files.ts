import type { CellSession } from '../adapters/cell-link.ts';
import {
  agentPath,
  encodeWord,
  type FileProblem,
  type FileStat,
  parseNamedStats,
  parseStat,
  problemOf,
  shortMessage,
} from '../domain/file-agent.ts';

/** More than this of an answer is no directory that somebody looks at over SSH. */
const MAX_ANSWER = 16 * 1024 * 1024;
const STATS_AT_ONCE = 50;

/** Something could not be done with a file; the message is for the user. */
export class FileError extends Error {
  readonly problem: FileProblem;

  constructor(message: string) {
    super(shortMessage(message));
    this.name = 'FileError';
    this.problem = problemOf(message);
  }
}

export interface CreateOptions {
  /** Octal, for a new file. */
  readonly mode?: number | undefined;
  readonly how: 'exclusive' | 'truncate' | 'keep';
}

/** The files of a container, by way of the agent in it. One order after the other, in the order of the calls. */
export class ContainerFiles {
  readonly #session: CellSession;
  readonly #lines: AsyncGenerator<string>;
  #last: Promise<unknown>;

  constructor(session: CellSession) {
    this.#session = session;
    this.#lines = lines(session);
    // It says when it is there.
    this.#last = this.#answer();
    this.#last.catch(() => undefined);
    session.stderr.resume();
  }

  close(): void {
    this.#session.destroy();
  }

  async stat(path: string): Promise<FileStat> {
    return parseStat(await this.#order('stat', agentPath(path)));
  }

  async lstat(path: string): Promise<FileStat> {
    return parseStat(await this.#order('lstat', agentPath(path)));
  }

  /** Names in a directory, in no order. */
  async names(path: string): Promise<readonly string[]> {
    const answer = bytes(await this.#order('names', agentPath(path))).toString();
    return answer
      .split('\0')
      .filter((name) => name !== '')
      .map((name) => name.replace(/^\.\//, ''));
  }

  /** Of names in a directory; what is gone meanwhile is left out. */
  async stats(path: string, names: readonly string[]): Promise<ReadonlyMap<string, FileStat>> {
    const found = new Map<string, FileStat>();
    const plain = names.filter((name) => !name.includes('\n'));
    for (let at = 0; at < plain.length; at += STATS_AT_ONCE) {
      const some = plain.slice(at, at + STATS_AT_ONCE).map((name) => `./${name}`);
      const answer = await this.#order('stats', agentPath(path), ...some);
      for (const [name, stat] of parseNamedStats(bytes(answer).toString())) found.set(name.slice(2), stat);
    }
    return found;
  }

  async open(path: string): Promise<void> {
    await this.#order('open', agentPath(path));
  }

  async create(path: string, { mode, how }: CreateOptions): Promise<void> {
    const ways = { exclusive: 'excl', truncate: 'trunc', keep: 'keep' } as const;
    await this.#order('create', agentPath(path), mode === undefined ? '-' : octal(mode), ways[how]);
  }

  /** At most so many bytes; none at the end. */
  async read(path: string, offset: number, length: number): Promise<Buffer> {
    return bytes(await this.#order('read', agentPath(path), offset, length));
  }

  async write(path: string, offset: number, data: Buffer): Promise<void> {
    if (data.length === 0) return;
    await this.#enqueue(['write', agentPath(path), offset, data.length], data);
  }

  async mkdir(path: string, mode: number): Promise<void> {
    await this.#order('mkdir', agentPath(path), octal(mode));
  }

  async rmdir(path: string): Promise<void> {
    await this.#order('rmdir', agentPath(path));
  }

  async remove(path: string): Promise<void> {
    await this.#order('remove', agentPath(path));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#order('rename', agentPath(from), agentPath(to));
  }

  async symlink(target: string, path: string): Promise<void> {
    await this.#order('symlink', target, agentPath(path));
  }

  async readlink(path: string): Promise<string> {
    return bytes(await this.#order('readlink', agentPath(path))).toString();
  }

  async realpath(path: string): Promise<string> {
    return bytes(await this.#order('realpath', agentPath(path))).toString();
  }

  async chmod(path: string, mode: number): Promise<void> {
    await this.#order('chmod', agentPath(path), octal(mode));
  }

  async chown(path: string, uid: number, gid: number): Promise<void> {
    await this.#order('chown', agentPath(path), `${uid}:${gid}`);
  }

  /** Seconds since 1970. */
  async setTimes(path: string, atime: number, mtime: number): Promise<void> {
    await this.#order('times', agentPath(path), Math.trunc(atime), Math.trunc(mtime));
  }

  async truncate(path: string, size: number): Promise<void> {
    await this.#order('truncate', agentPath(path), size);
  }

  /** The words of a command line as the container's shell makes them: quotes, variables, wildcards. */
  async words(text: string): Promise<readonly string[]> {
    const answer = bytes(await this.#order('words', text)).toString();
    return answer.split('\0').slice(0, -1);
  }

  #order(...words: readonly (string | number)[]): Promise<string> {
    return this.#enqueue(words, undefined);
  }

  #enqueue(words: readonly (string | number)[], data: Buffer | undefined): Promise<string> {
    const line = `${words.map(encodeWord).join(' ')}\n`;
    // Written at once, so that the next order is there when the agent has done one; answered in turn.
    const written = this.#session.write(data === undefined ? line : Buffer.concat([Buffer.from(line), data]));
    void written;
    const answer = this.#last.catch(() => undefined).then(() => this.#answer());
    this.#last = answer;
    return answer;
  }

  async #answer(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new FileError('the session has ended');
    if (value === 'ok') return '';
    if (value.startsWith('ok ')) return value.slice(3);
    if (value.startsWith('err ')) throw new FileError(bytes(value.slice(4)).toString());
    throw new FileError('the container answered nonsense');
  }
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8);
}

function bytes(base64: string): Buffer {
  return Buffer.from(base64, 'base64');
}

async function* lines(source: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  let length = 0;
  for await (const piece of source) {
    let at = 0;
    for (let end = piece.indexOf(10); end !== -1; end = piece.indexOf(10, at)) {
      yield Buffer.concat([...rest, piece.subarray(at, end)]).toString('latin1');
      [rest, length, at] = [[], 0, end + 1];
    }
    rest.push(piece.subarray(at));
    length += piece.length - at;
    if (length > MAX_ANSWER) throw new FileError('the answer is too long');
  }
}
