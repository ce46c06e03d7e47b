import { headerBlock, type TarSpec, writeTar } from '../tar/tar-writer.test-support.ts';
import type { HostileLayers, LayerBlob, Outcome, Stage, Tree } from './hostile-image.test-support.ts';

const BLOCK = 512;

/** Part of an archive: an entry, or bytes as they are. */
export type Part = TarSpec | Uint8Array;

/** Fills up to whole blocks. */
export function blocks(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)]);
}

/** The two blocks of zeros that end an archive. */
export const END: Buffer = Buffer.alloc(2 * BLOCK);

/** An archive of these parts; `end: false` leaves the end marker out. */
export function archive(parts: readonly Part[], options: { readonly end?: boolean } = {}): Buffer {
  const bytes = parts.map((part) => (part instanceof Uint8Array ? part : entryBytes(part)));
  return Buffer.concat([...bytes, ...(options.end === false ? [] : [END])]);
}

function entryBytes(spec: TarSpec): Buffer {
  const mode = spec.mode ?? (spec.type === '5' ? 0o755 : 0o644);
  return writeTar([{ ...spec, mode }]).subarray(0, -END.length);
}

/** Where the fields of a header are, and how long. */
export const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  link: [157, 100],
  magic: [257, 8],
  deviceMajor: [329, 8],
  deviceMinor: [337, 8],
  prefix: [345, 155],
} as const;

export type FieldName = keyof typeof FIELDS;

/** A header with fields of raw bytes, and the checksum that belongs to them. */
export function header(spec: TarSpec, fields: Partial<Record<FieldName, string | Uint8Array>>): Buffer {
  const block = headerBlock(spec);
  for (const [name, value] of Object.entries(fields) as [FieldName, string | Uint8Array][]) {
    const [at, length] = FIELDS[name];
    const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : Buffer.from(value);
    block.fill(0, at, at + length);
    bytes.copy(block, at, 0, length);
  }
  return summed(block);
}

/** Writes the checksum of a header anew. */
export function summed(block: Buffer): Buffer {
  block.write('        ', 148, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** A number in GNU's base-256, of any size and sign. */
export function base256(value: bigint, width: number): Buffer {
  const bytes = Buffer.alloc(width);
  let rest = BigInt.asUintN(width * 8, value);
  for (let i = width - 1; i >= 0; i -= 1) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  bytes[0] = value < 0n ? 0xff : 0x80;
  return bytes;
}

/** An extended header (`x`, `g`, `L`, `K` and others) with this content. */
export function extended(type: string, content: string | Uint8Array): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : Buffer.from(content);
  return Buffer.concat([headerBlock({ name: '././@LongLink', type, content: bytes }), blocks(bytes)]);
}

/** How an archive can carry a name, each with its own reader in tar. */
export const CARRIERS: Readonly<Record<string, (spec: TarSpec) => Buffer>> = {
  'the header': (spec) => archive([spec], { end: false }),
  "the header's prefix": (spec) => {
    const slash = spec.name.lastIndexOf('/', 154);
    const fields = { prefix: spec.name.slice(0, slash), name: spec.name.slice(slash + 1) };
    return Buffer.concat([header(spec, fields), blocks(Buffer.from(spec.content ?? ''))]);
  },
  'a pax path': (spec) => archive([{ ...spec, name: 'decoy', pax: { path: spec.name } }], { end: false }),
  'a GNU long name': (spec) => archive([extended('L', `${spec.name}\0`), { ...spec, name: 'decoy' }], { end: false }),
};

type Layers = Uint8Array | readonly Part[] | ((stage: Stage) => readonly Part[]);

function layersOf(content: Layers): HostileLayers['layers'] {
  return (stage) => {
    const made = typeof content === 'function' ? content(stage) : content;
    const bytes = made instanceof Uint8Array ? made : archive(made);
    return [{ bytes, tar: bytes }];
  };
}

/** A layer that is refused with this error. */
export function refused(name: string, code: Refusal, content: Layers): HostileLayers {
  return { kind: 'layers', name, expect: { refused: code }, layers: layersOf(content) };
}

/** A layer that ends as this tree. */
export function harmless(name: string, left: Tree, content: Layers): HostileLayers {
  return { kind: 'layers', name, expect: { left: [left] }, layers: layersOf(content) };
}

/** A layer as a blob of its own making. */
export function packed(name: string, expect: Outcome, layers: () => readonly LayerBlob[]): HostileLayers {
  return { kind: 'layers', name, expect, layers };
}

type Refusal = Extract<Outcome, { readonly refused: unknown }>['refused'];
