import type { Attributes, FileEntry, SFTPWrapper } from 'ssh2';
import type { FileStat } from '../domain/file-agent.ts';
import { longName, openFlags } from '../domain/sftp-names.ts';
import { type ContainerFiles, FileError } from './container-files.ts';

/** Status codes of version 3, draft-ietf-secsh-filexfer-02 section 7. */
const STATUS = { ok: 0, eof: 1, notFound: 2, denied: 3, failure: 4, unsupported: 8 } as const;

/** Read ahead: a client asks for 32 KiB at a time, and each order takes a few processes in the container. */
const BLOCK_BYTES = 512 * 1024;
const ENTRIES_AT_ONCE = 100;
const MAX_HANDLES = 256;
/** What OpenSSH asks for. */
const READ_AT_MOST = 32 * 1024;
const MAX_WAITING = 1_024;
const MAX_UNSENT = 512;

interface OpenFile {
  readonly kind: 'file';
  readonly path: string;
  readonly append: boolean;
  block: { readonly offset: number; readonly bytes: Buffer } | undefined;
}

interface OpenDirectory {
  readonly kind: 'directory';
  readonly path: string;
  /** Undefined until they are asked for. */
  names: string[] | undefined;
}

/** Serves the SFTP subsystem out of a container's files. It ends with the channel. */
export function serveSftp(sftp: SFTPWrapper, opening: Promise<ContainerFiles>): void {
  const end = (status: number): void => endSftp(sftp, status);
  // Requests arrive before the session in the container has begun.
  let files: ContainerFiles;
  const handles = new Map<number, OpenFile | OpenDirectory>();
  let lastHandle = 0;
  // Requests of a client are carried out in their order: a read behind a write sees it.
  let turn: Promise<void> = opening.then(
    (opened) => {
      files = opened;
    },
    () => end(1),
  );
  let waiting = 0;

  const answer = (id: number, work: () => Promise<void>): void => {
    waiting += 1;
    // Clients wait for answers after a few dozen requests.
    if (waiting > MAX_WAITING || isClogged(sftp)) {
      end(1);
      return;
    }
    turn = turn.then(async () => {
      waiting -= 1;
      try {
        if (files !== undefined) await work();
      } catch (error) {
        const codes = { 'not-found': STATUS.notFound, denied: STATUS.denied, failed: STATUS.failure } as const;
        const problem = error instanceof FileError ? error.problem : 'failed';
        sftp.status(id, codes[problem], error instanceof Error ? error.message : 'Failure');
      }
    });
  };
  const done = (id: number): void => sftp.status(id, STATUS.ok);
  const give = (id: number, handle: OpenFile | OpenDirectory): void => {
    if (handles.size >= MAX_HANDLES) throw new FileError('too many open files');
    lastHandle += 1;
    handles.set(lastHandle, handle);
    const name = Buffer.alloc(4);
    name.writeUInt32BE(lastHandle);
    sftp.handle(id, name);
  };
  const find = <K extends 'file' | 'directory'>(handle: Buffer, kind: K): (OpenFile | OpenDirectory) & { kind: K } => {
    const found = handle.length === 4 ? handles.get(handle.readUInt32BE()) : undefined;
    if (found?.kind !== kind) throw new FileError('not an open handle');
    return found as (OpenFile | OpenDirectory) & { kind: K };
  };

  sftp.on('OPEN', (id, path, flags, attributes) =>
    answer(id, async () => {
      const { write, create, how, append } = openFlags(flags);
      if (write && create) await files.create(path, { mode: attributes.mode, how });
      else if (write && how === 'truncate') await files.truncate(path, 0);
      else await files.open(path);
      give(id, { kind: 'file', path, append, block: undefined });
    }),
  );
  sftp.on('READ', (id, handle, offset, length) =>
    answer(id, async () => {
      const bytes = await readBlock(files, find(handle, 'file'), offset, Math.min(length, READ_AT_MOST));
      if (bytes.length === 0) sftp.status(id, STATUS.eof);
      else sftp.data(id, bytes);
    }),
  );
  sftp.on('WRITE', (id, handle, offset, data) =>
    answer(id, async () => {
      const file = find(handle, 'file');
      file.block = undefined;
      const at = file.append ? (await files.stat(file.path)).size : offset;
      await files.write(file.path, at, data);
      done(id);
    }),
  );
  sftp.on('CLOSE', (id, handle) =>
    answer(id, async () => {
      if (handle.length !== 4 || !handles.delete(handle.readUInt32BE())) throw new FileError('not an open handle');
      done(id);
    }),
  );
  sftp.on('OPENDIR', (id, path) =>
    answer(id, async () => {
      const names = [...(await files.names(path)), '.', '..'];
      give(id, { kind: 'directory', path, names });
    }),
  );
  sftp.on('READDIR', (id, handle) =>
    answer(id, async () => {
      const directory = find(handle, 'directory');
      const names = directory.names?.splice(0, ENTRIES_AT_ONCE) ?? [];
      const stats = await files.stats(directory.path, names);
      const entries: FileEntry[] = names.map((filename) => {
        const stat = stats.get(filename);
        return { filename, longname: longName(filename, stat), attrs: attributesOf(stat) };
      });
      if (entries.length === 0) sftp.status(id, STATUS.eof);
      else sftp.name(id, entries);
    }),
  );
  sftp.on('STAT', (id, path) => answer(id, async () => sftp.attrs(id, attributesOf(await files.stat(path)))));
  sftp.on('LSTAT', (id, path) => answer(id, async () => sftp.attrs(id, attributesOf(await files.lstat(path)))));
  sftp.on('FSTAT', (id, handle) =>
    answer(id, async () => sftp.attrs(id, attributesOf(await files.stat(find(handle, 'file').path)))),
  );
  sftp.on('SETSTAT', (id, path, attributes) =>
    answer(id, async () => {
      await setAttributes(files, path, attributes);
      done(id);
    }),
  );
  sftp.on('FSETSTAT', (id, handle, attributes) =>
    answer(id, async () => {
      await setAttributes(files, find(handle, 'file').path, attributes);
      done(id);
    }),
  );
  const simple = (event: string, work: (...paths: string[]) => Promise<void>): void => {
    sftp.on(event, (id: number, ...paths: string[]) =>
      answer(id, async () => {
        await work(...paths);
        done(id);
      }),
    );
  };
  simple('REMOVE', (path = '') => files.remove(path));
  simple('RMDIR', (path = '') => files.rmdir(path));
  simple('RENAME', (from = '', to = '') => files.rename(from, to));
  // The types have it the other way round; so ssh2 gives it, whoever the client is.
  simple('SYMLINK', (path = '', target = '') => files.symlink(target, path));
  sftp.on('MKDIR', (id, path, { mode }) =>
    answer(id, async () => {
      await files.mkdir(path, (mode as number | undefined) ?? 0o755);
      done(id);
    }),
  );
  const named = (id: number, filename: string): void =>
    sftp.name(id, [{ filename, longname: filename, attrs: attributesOf(undefined) }]);
  sftp.on('REALPATH', (id, path) => answer(id, async () => named(id, await files.realpath(path))));
  sftp.on('READLINK', (id, path) => answer(id, async () => named(id, await files.readlink(path))));
  sftp.on('EXTENDED', (id: number) => sftp.status(id, STATUS.unsupported));
  // What was asked before is answered first.
  sftp.on('end', () => void turn.then(() => end(0)));
}

/** What ssh2 does not offer for this subsystem, and each of its other channels has. */
interface Inside {
  readonly outgoing: { readonly id: number; readonly state: string };
  readonly _protocol: { exitStatus(channel: number, status: number): void };
  /** Packets that wait for the client to take more. */
  readonly _buffer: readonly unknown[];
}

/** Clients take a subsystem that ends without a status for one that has failed. */
export function endSftp(sftp: SFTPWrapper, status: number): void {
  const { outgoing, _protocol: protocol } = sftp as unknown as Inside;
  if (outgoing.state === 'open' || outgoing.state === 'eof') protocol.exitStatus(outgoing.id, status);
  sftp.end();
}

function isClogged(sftp: SFTPWrapper): boolean {
  return (sftp as unknown as Inside)._buffer.length > MAX_UNSENT;
}

async function readBlock(files: ContainerFiles, file: OpenFile, offset: number, length: number): Promise<Buffer> {
  const { block } = file;
  const inside = block !== undefined && offset >= block.offset && offset < block.offset + block.bytes.length;
  const fresh = inside ? block : { offset, bytes: await files.read(file.path, offset, BLOCK_BYTES) };
  file.block = fresh;
  const from = offset - fresh.offset;
  return fresh.bytes.subarray(from, from + length);
}

async function setAttributes(files: ContainerFiles, path: string, attributes: Partial<Attributes>): Promise<void> {
  const { mode, uid, gid, size, atime, mtime } = attributes;
  if (size !== undefined) await files.truncate(path, size);
  if (uid !== undefined && gid !== undefined) await files.chown(path, uid, gid);
  if (mode !== undefined) await files.chmod(path, mode);
  if (atime !== undefined && mtime !== undefined) await files.setTimes(path, Number(atime), Number(mtime));
}

/** ssh2 sends those that are there. */
function attributesOf(stat: FileStat | undefined): Attributes {
  return (stat === undefined ? {} : { ...stat }) as Attributes;
}
