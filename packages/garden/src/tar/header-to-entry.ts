import type { TarEntry, TarEntryType } from './entry.ts';
import type { RawHeader } from './header.ts';
import { readDecimal, readTime } from './numbers.ts';
import type { PaxRecords } from './pax.ts';
import { showPath, TarError } from './tar-error.ts';

/** What the extended headers before an entry's own say of it. */
export interface Extensions {
  readonly longName: string | undefined;
  readonly longLink: string | undefined;
  readonly pax: PaxRecords;
}

/** (uid_t) -1 means "leave as is" to chown, so it cannot be an owner. */
const MAX_ID = 0xffff_fffe;
const XATTR_PREFIX = 'SCHILY.xattr.';

const types: Readonly<Record<string, TarEntryType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'special',
  '4': 'special',
  '5': 'directory',
  '6': 'special',
};

function entryType(typeFlag: string, path: string): TarEntryType {
  const type = types[typeFlag];
  if (type === undefined) {
    throw new TarError(
      'LAYER_TAR_INVALID',
      `${showPath(path)} is of type ${JSON.stringify(typeFlag)}, which layers cannot have`,
    );
  }
  // v7 archives have no type for directories.
  return type === 'file' && path.endsWith('/') ? 'directory' : type;
}

function identity(pax: PaxRecords, key: 'uid' | 'gid', fallback: number, path: string): number {
  const record = pax.get(key);
  const id = record === undefined ? fallback : readDecimal(record, key);
  if (id < 0 || id > MAX_ID) {
    throw new TarError('LAYER_ENTRY_INVALID', `${showPath(path)} has the ${key} ${id}: ids go to ${MAX_ID}`);
  }
  return id;
}

/** Puts a header and the extended headers before it together. */
export function toEntry(header: RawHeader, extensions: Extensions): TarEntry {
  const { pax } = extensions;
  // An archive with both kinds of long name names no tool that wrote it; pax, the later standard, counts.
  const path = pax.get('path') ?? extensions.longName ?? header.name;
  for (const key of pax.keys()) {
    if (key.startsWith('GNU.sparse.')) {
      throw new TarError(
        'LAYER_TAR_INVALID',
        `${showPath(path)} is a sparse file in GNU's pax format, which layers cannot have`,
      );
    }
  }
  const type = entryType(header.typeFlag, path);
  const size = pax.has('size') ? readDecimal(pax.get('size') ?? '', 'size') : header.size;
  if (size < 0) throw new TarError('LAYER_TAR_INVALID', `${showPath(path)} has a negative size`);
  const mtime = pax.get('mtime');
  const xattrs = new Map<string, string>();
  for (const [key, value] of pax) {
    if (key.startsWith(XATTR_PREFIX)) xattrs.set(key.slice(XATTR_PREFIX.length), value);
  }
  return {
    path,
    type,
    linkTarget: pax.get('linkpath') ?? extensions.longLink ?? header.linkName,
    mode: header.mode & 0o7777,
    uid: identity(pax, 'uid', header.uid, path),
    gid: identity(pax, 'gid', header.gid, path),
    // Go's reader, which every builder writes for, takes the size of all other types to be 0 whatever it says.
    size: type === 'file' ? size : 0,
    mtime: mtime === undefined ? { seconds: header.mtime, nanoseconds: 0 } : readTime(mtime, 'mtime'),
    xattrs,
  };
}
