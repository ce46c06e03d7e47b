import type { FileTime } from '../sys/files.ts';

/** What an entry makes. `special` is a device node or a FIFO. */
export type TarEntryType = 'file' | 'hardlink' | 'symlink' | 'directory' | 'special';

/**
 * One entry of a tar archive. Names are bytes, which tar does not say the encoding of; they are kept as strings of
 * one character for each byte (latin1).
 */
export interface TarEntry {
  readonly path: string;
  readonly type: TarEntryType;
  /** Target of a symlink (verbatim) or hardlink (a path in the archive), else ''. */
  readonly linkTarget: string;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content that follow; 0 for all but files. */
  readonly size: number;
  readonly mtime: FileTime;
  /** Extended attributes by name, both as bytes in latin1. */
  readonly xattrs: ReadonlyMap<string, string>;
}

/** Gets an archive's parts in order. It may throw to stop. */
export interface TarSink {
  begin(entry: TarEntry): void;
  /** Some of the content of the entry begun last; the bytes are only valid during the call. */
  data(bytes: Uint8Array): void;
  end(): void;
}
