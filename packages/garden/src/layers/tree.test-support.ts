import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { getXattr } from '../sys/xattr.ts';
import { sha256 } from './digest.test-support.ts';

/** What a tree looks like, by path: one line for each node, with all that a layer can say of it. */
export function snapshotTree(root: string, options: { readonly nanoseconds?: boolean } = {}): Map<string, string> {
  const nodes = new Map<string, string>();
  const inodes = new Map<bigint, string>();
  const visit = (path: Buffer, name: string): void => {
    const stats = lstatSync(path, { bigint: true });
    const time = options.nanoseconds === true ? stats.mtimeNs : stats.mtimeNs / 1_000_000_000n;
    const parts = [(stats.mode & 0o7777n).toString(8), `${stats.uid}:${stats.gid}`, String(time)];
    if (stats.isSymbolicLink()) {
      // Modes of links mean nothing.
      parts[0] = '';
      parts.push(`-> ${readlinkSync(path, { encoding: 'buffer' }).toString('latin1')}`);
    } else if (stats.isDirectory()) {
      parts.push(`dir opaque=${getXattr(path, 'trusted.overlay.opaque')?.toString() ?? ''}`);
    } else if (stats.isFile()) {
      const first = inodes.get(stats.ino);
      if (stats.nlink > 1n && first !== undefined) parts.push(`hardlink of ${first}`);
      else
        parts.push(`file ${sha256(readFileSync(path))} note=${getXattr(path, 'user.note')?.toString('latin1') ?? ''}`);
      if (first === undefined) inodes.set(stats.ino, name);
    } else parts.push(`device ${stats.rdev}`);
    nodes.set(name, parts.join(' '));
    if (!stats.isDirectory()) return;
    const children = readdirSync(path, { encoding: 'buffer' }).sort(Buffer.compare);
    for (const child of children) {
      visit(Buffer.concat([path, Buffer.from('/'), child]), `${name}/${child.toString('latin1')}`);
    }
  };
  visit(Buffer.from(root), '');
  return nodes;
}
