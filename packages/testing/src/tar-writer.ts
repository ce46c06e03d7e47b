import { Buffer } from 'node:buffer';

/** Entry types of POSIX tar, by the words people use. */
const TYPE_FLAGS = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
} as const;

export type TarEntryType = keyof typeof TYPE_FLAGS;

/** Text is written as UTF-8; bytes are written as they are, for names that are no UTF-8. */
export type TarText = string | Uint8Array;

/** One entry, well-formed or not: nothing here is checked, so that hostile archives can be written. */
export interface TarEntry {
  readonly name: TarText;
  /** Default: `file`, or `directory` when the name ends in "/". */
  readonly type?: TarEntryType;
  /** Overrides the flag of `type`, for types that do not exist. */
  readonly typeFlag?: string;
  /** Default: 0o755 for directories, else 0o644. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly userName?: string;
  readonly groupName?: string;
  /** Seconds since the epoch; default 0, so that archives are reproducible. */
  readonly mtime?: number;
  readonly content?: TarText;
  readonly linkName?: TarText;
  readonly device?: { readonly major: number; readonly minor: number };
  /** Records of a pax header before the entry, e.g. `SCHILY.xattr.user.note`. */
  readonly pax?: Readonly<Record<string, TarText>>;
  /** How names above 100 bytes are carried; default `pax`. */
  readonly longNames?: 'pax' | 'gnu';
  /** What the header says of the size, when it lies. */
  readonly declaredSize?: number;
  readonly corruptChecksum?: boolean;
}

/** Bytes put into the archive as they are. */
export interface RawTarBytes {
  readonly raw: Uint8Array;
}

const BLOCK = 512;
const NAME_FIELD = 100;
const MAX_OCTAL_7 = 0o7777777;
const MAX_OCTAL_11 = 0o77777777777;

/** A tar archive of these entries, in their order. `end: false` leaves out the two zero blocks that close one. */
export function tarArchive(
  entries: readonly (TarEntry | RawTarBytes)[],
  options: { readonly end?: boolean } = {},
): Buffer {
  const blocks = entries.flatMap((entry) => ('raw' in entry ? [Buffer.from(entry.raw)] : entryBlocks(entry)));
  return Buffer.concat([...blocks, ...(options.end === false ? [] : [Buffer.alloc(2 * BLOCK)])]);
}

/** An entry that hides a name of the layers below (OCI image-spec `layer.md`, "Whiteouts"). */
export function whiteout(path: string): TarEntry {
  const slash = path.lastIndexOf('/') + 1;
  return { name: `${path.slice(0, slash)}.wh.${path.slice(slash)}`, mode: 0o644 };
}

/** An entry that hides everything that the layers below have in a directory. */
export function opaque(directory: string): TarEntry {
  return { name: `${directory.replace(/\/$/, '')}/.wh..wh..opq`, mode: 0o644 };
}

function entryBlocks(entry: TarEntry): Buffer[] {
  const name = bytes(entry.name);
  const linkName = bytes(entry.linkName ?? '');
  const content = bytes(entry.content ?? '');
  const records: Record<string, TarText> = { ...entry.pax };
  const blocks: Buffer[] = [];
  for (const [field, paxKey, gnuFlag] of [
    [name, 'path', 'L'],
    [linkName, 'linkpath', 'K'],
  ] as const) {
    if (field.length > NAME_FIELD) {
      if (entry.longNames === 'gnu') {
        blocks.push(...special('././@LongLink', gnuFlag, Buffer.concat([field, Buffer.alloc(1)])));
      } else {
        records[paxKey] ??= field;
      }
    }
  }
  if (Object.keys(records).length > 0) {
    blocks.push(...special('PaxHeaders/entry', 'x', paxRecords(records)));
  }
  return [...blocks, header(entry, name, linkName, content.length), ...padded(content)];
}

function special(name: string, typeFlag: string, content: Buffer): Buffer[] {
  return [header({ name, typeFlag, mode: 0o644 }, bytes(name), Buffer.alloc(0), content.length), ...padded(content)];
}

/** Each record counts its own length, the length's digits included (POSIX `pax`). */
export function paxRecords(records: Readonly<Record<string, TarText>>): Buffer {
  return Buffer.concat(
    Object.entries(records).map(([key, value]) => {
      const body = Buffer.concat([Buffer.from(` ${key}=`), bytes(value), Buffer.from('\n')]);
      let length = body.length;
      while (String(length).length + body.length !== length) {
        length = String(length).length + body.length;
      }
      return Buffer.concat([Buffer.from(String(length)), body]);
    }),
  );
}

function header(entry: TarEntry, name: Buffer, linkName: Buffer, size: number): Buffer {
  const type = entry.type ?? (name.at(-1) === 0x2f ? 'directory' : 'file');
  const block = Buffer.alloc(BLOCK);
  name.copy(block, 0, 0, NAME_FIELD);
  number(block, 100, 8, entry.mode ?? (type === 'directory' ? 0o755 : 0o644));
  number(block, 108, 8, entry.uid ?? 0);
  number(block, 116, 8, entry.gid ?? 0);
  number(block, 124, 12, entry.declaredSize ?? size);
  number(block, 136, 12, entry.mtime ?? 0);
  block.write(entry.typeFlag ?? TYPE_FLAGS[type], 156, 'latin1');
  linkName.copy(block, 157, 0, NAME_FIELD);
  block.write('ustar\u000000', 257, 'latin1');
  block.write(entry.userName ?? '', 265, 32);
  block.write(entry.groupName ?? '', 297, 32);
  number(block, 329, 8, entry.device?.major ?? 0);
  number(block, 337, 8, entry.device?.minor ?? 0);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0) + (entry.corruptChecksum ? 1 : 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Octal text where it fits, else GNU's base-256, which also does negative numbers. */
function number(block: Buffer, at: number, width: number, value: number): void {
  if (value >= 0 && value <= (width === 8 ? MAX_OCTAL_7 : MAX_OCTAL_11)) {
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
    return;
  }
  let rest = BigInt(value);
  for (let i = at + width - 1; i > at; i -= 1) {
    block.writeUInt8(Number(rest & 0xffn), i);
    rest >>= 8n;
  }
  block.writeUInt8(value < 0 ? 0xff : 0x80, at);
}

function padded(content: Buffer): Buffer[] {
  return content.length === 0 ? [] : [content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)];
}

function bytes(text: TarText): Buffer {
  return typeof text === 'string' ? Buffer.from(text) : Buffer.from(text);
}
