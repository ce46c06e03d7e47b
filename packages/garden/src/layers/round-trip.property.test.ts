// @module-tag root
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setModifiedTime } from '../sys/files.ts';
import { setXattr } from '../sys/xattr.ts';
import { sealHost } from './sealed-host.test-support.ts';
import { snapshotTree } from './tree.test-support.ts';
import { assembled, unpackArchive } from './unpack.test-support.ts';

// GNU tar writes random trees, and reads them back as the judge of what our unpacker made of the same archive.

let dir: string;
beforeAll(() => {
  dir = sealHost();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const name = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'bin',
    'étoile',
    'with space',
    '-dash',
    'new\nline',
    '.hidden',
    'x'.repeat(120),
    'y'.repeat(255),
  ),
  // Bytes that are no UTF-8.
  fc
    .uint8Array({ minLength: 1, maxLength: 4, min: 0x80, max: 0xff })
    .map((bytes) => Buffer.from(bytes).toString('latin1')),
);

const common = {
  name,
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.constantFrom(0, 1, 1000, 65_534, 3_000_000),
  gid: fc.constantFrom(0, 5, 65_535, 2_999_999),
  seconds: fc.integer({ min: -1_000_000, max: 4_000_000_000 }),
  nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
};

interface Node {
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink';
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly text: string;
  readonly size: number;
  readonly children: readonly Node[];
}

const leaf = fc.record({
  ...common,
  kind: fc.constantFrom('file' as const, 'symlink' as const, 'hardlink' as const),
  text: fc.string({ minLength: 1, maxLength: 150 }).filter((text) => !text.includes('\0')),
  size: fc.integer({ min: 0, max: 3000 }),
  children: fc.constant([] as Node[]),
});

const { tree } = fc.letrec<{ tree: readonly Node[]; node: Node; directory: Node }>((tie) => ({
  tree: fc.array(tie('node'), { maxLength: 6 }),
  node: fc.oneof({ depthSize: 'small' }, leaf, tie('directory')),
  directory: fc.record({
    ...common,
    kind: fc.constant('directory' as const),
    text: fc.constant(''),
    size: fc.constant(0),
    children: tie('tree'),
  }),
}));

/** Makes the tree on disk; hardlinks go to the file made last. */
function plant(parent: Buffer, nodes: readonly Node[], files: Buffer[]): void {
  const used = new Set<string>();
  for (const node of nodes) {
    if (used.has(node.name)) continue;
    used.add(node.name);
    const at = Buffer.concat([parent, Buffer.from('/'), Buffer.from(node.name, 'latin1')]);
    const target = files.at(-1);
    if (node.kind === 'hardlink') {
      if (target !== undefined) linkSync(target, at);
      continue;
    }
    if (node.kind === 'directory') {
      mkdirSync(at);
      plant(at, node.children, files);
    } else if (node.kind === 'symlink') symlinkSync(Buffer.from(node.text), at);
    else {
      writeFileSync(at, node.text.repeat(node.size).slice(0, node.size));
      if (node.size % 2 === 1) setXattr(at, 'user.note', Buffer.from(`${node.text}=\n${node.size}`));
      files.push(at);
    }
    lchownSync(at, node.uid, node.gid);
    if (node.kind !== 'symlink') chmodSync(at, node.mode);
    setModifiedTime(at, node);
  }
}

test.each([
  ['posix', true],
  ['gnu', false],
])(
  'what GNU tar writes in %s format unpacks as GNU tar would do it, and can be made again bit for bit',
  { timeout: 300_000 },
  async (format, precise) => {
    await fc.assert(
      fc.asyncProperty(tree, fc.integer({ min: 1, max: 5000 }), async (nodes, pieces) => {
        const run = mkdtempSync(join(dir, 'run-'));
        const [source, judge, archive] = [join(run, 'source'), join(run, 'judge'), join(run, 'a.tar')];
        mkdirSync(source);
        mkdirSync(judge);
        plant(Buffer.from(source), nodes, []);
        const xattrs = precise ? ['--xattrs', '--xattrs-include=user.*'] : [];
        execFileSync('tar', ['-cf', archive, `--format=${format}`, ...xattrs, '--numeric-owner', '-C', source, '.'], {
          stdio: 'pipe',
        });
        execFileSync('tar', ['-xpf', archive, ...xattrs, '--numeric-owner', '-C', judge], { stdio: 'pipe' });
        const unpacked = await unpackArchive(run, readFileSync(archive), { pieces });
        const { root } = unpacked;
        expect(assembled(unpacked).equals(readFileSync(archive))).toBe(true);
        expect(snapshotTree(root, { nanoseconds: precise })).toEqual(snapshotTree(judge, { nanoseconds: precise }));
        rmSync(run, { recursive: true });
      }),
      { numRuns: 25 },
    );
  },
);
