/** One entry of a tar archive to be written as told, lies included. Strings are latin1. */
export interface TarSpec {
  readonly name: string;
  readonly type?: string;
  readonly link?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly content?: string | Uint8Array;
  /** What the header says, when it is not the content's length. */
  readonly size?: number;
  /** Records of a pax header before the entry. */
  readonly pax?: Readonly<Record<string, string>>;
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`;
}

/** Pads to whole blocks. */
function blocks(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

/** A header block; names are cut to their fields. */
export function headerBlock(spec: TarSpec): Buffer {
  const block = Buffer.alloc(512);
  const content = Buffer.from(spec.content ?? '');
  block.write(spec.name.slice(0, 100), 0, 'latin1');
  block.write(octal(spec.mode ?? 0o644, 8), 100, 'latin1');
  block.write(octal(spec.uid ?? 0, 8), 108, 'latin1');
  block.write(octal(spec.gid ?? 0, 8), 116, 'latin1');
  block.write(octal(spec.size ?? content.length, 12), 124, 'latin1');
  block.write(octal(spec.mtime ?? 0, 12), 136, 'latin1');
  block.write('        ', 148, 'latin1');
  block.write(spec.type ?? '0', 156, 'latin1');
  block.write((spec.link ?? '').slice(0, 100), 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** An archive of these entries, with its end marker. */
export function writeTar(entries: readonly TarSpec[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    if (entry.pax !== undefined) {
      const records = Object.entries(entry.pax)
        .map(([key, value]) => paxRecord(key, value))
        .join('');
      const body = Buffer.from(records, 'latin1');
      parts.push(headerBlock({ name: 'pax', type: 'x', content: body }), blocks(body));
    }
    parts.push(headerBlock(entry), blocks(Buffer.from(entry.content ?? '')));
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}
