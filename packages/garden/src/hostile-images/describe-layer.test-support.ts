import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import koffi from 'koffi';
import { cString } from '../sys/libc.ts';
import { getXattr } from '../sys/xattr.ts';
import type { Tree } from './hostile-image.test-support.ts';

const libc = koffi.load('libc.so.6');
const llistxattr = libc.func('llistxattr', 'long', ['const uint8_t *', 'uint8_t *', 'size_t']);

/** Longer contents and targets are told by their length. */
const SHOWN = 60;

/**
 * A layer's nodes in words: `file "text"`, `file 700 bytes`, `dir`, `dir opaque`, `-> target`, `whiteout`,
 * `hardlink of first/name`; then what is not usual: mode, owner, extended attributes. Names are latin1.
 */
export function describeLayer(root: string): Tree {
  const tree: Record<string, string> = {};
  const inodes = new Map<bigint, string>();
  const visit = (directory: Buffer, prefix: string): void => {
    for (const child of readdirSync(directory, { encoding: 'buffer' }).sort(Buffer.compare)) {
      const path = Buffer.concat([directory, Buffer.from('/'), child]);
      const name = `${prefix}${child.toString('latin1')}`;
      tree[name] = describe(path, name, inodes);
      if (lstatSync(path).isDirectory()) visit(path, `${name}/`);
    }
  };
  visit(Buffer.from(root), '');
  return tree;
}

function describe(path: Buffer, name: string, inodes: Map<bigint, string>): string {
  const stats = lstatSync(path, { bigint: true });
  const first = inodes.get(stats.ino);
  if (first !== undefined) return `hardlink of ${first}`;
  if (!stats.isDirectory() && stats.nlink > 1n) inodes.set(stats.ino, name);
  const mode = Number(stats.mode & 0o7777n);
  const attributes = xattrs(path);
  const opaque = attributes.get('trusted.overlay.opaque') === '"y"';
  if (opaque) attributes.delete('trusted.overlay.opaque');
  const parts: string[] = [];
  if (stats.isSymbolicLink()) parts.push(`-> ${shown(readlinkSync(path, { encoding: 'buffer' }), false)}`);
  else if (stats.isDirectory()) parts.push(opaque ? 'dir opaque' : 'dir');
  else if (stats.isFile()) parts.push(`file ${shown(readFileSync(path), true)}`);
  else parts.push(stats.isCharacterDevice() && stats.rdev === 0n ? 'whiteout' : `special ${stats.mode} ${stats.rdev}`);
  const usual = stats.isDirectory() ? 0o755 : 0o644;
  if ((stats.isDirectory() || stats.isFile()) && mode !== usual) parts.push(`mode ${mode.toString(8)}`);
  if (stats.uid !== 0n || stats.gid !== 0n) parts.push(`owner ${stats.uid}:${stats.gid}`);
  return [
    ...parts,
    ...[...attributes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `${key}=${value}`),
  ].join(' ');
}

function shown(bytes: Buffer, quoted: boolean): string {
  if (bytes.length > SHOWN) return `${bytes.length} bytes`;
  const text = bytes.toString('latin1');
  return quoted ? JSON.stringify(text) : text;
}

function xattrs(path: Buffer): Map<string, string> {
  const list = Buffer.alloc(65_536);
  const length = Number(llistxattr(cString(path), list, list.length));
  if (length < 0) throw new Error(`llistxattr failed with ${koffi.errno()}`);
  const names = list
    .toString('latin1', 0, length)
    .split('\0')
    .filter((name) => name !== '');
  return new Map(names.map((name) => [name, shown(getXattr(path, name) ?? Buffer.alloc(0), true)]));
}
