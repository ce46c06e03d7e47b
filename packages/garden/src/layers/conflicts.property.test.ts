// @module-tag root
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TarSpec, writeTar } from '../tar/tar-writer.test-support.ts';
import { sealHost } from './sealed-host.test-support.ts';
import { snapshotTree } from './tree.test-support.ts';
import { assembled, unpackArchive } from './unpack.test-support.ts';

let dir: string;
beforeAll(() => {
  dir = sealHost();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What a path holds, by the rules written out: the second, naive implementation that the first must agree with. */
type Model = Map<string, { kind: 'file' | 'symlink' | 'whiteout' | 'directory'; text: string; opaque: boolean }>;

function removeTree(model: Model, path: string): void {
  for (const key of [...model.keys()]) if (key === path || key.startsWith(`${path}/`)) model.delete(key);
}

/** False when the entry must be refused. */
function directoryAt(model: Model, path: string, asParent: boolean): boolean {
  const node = model.get(path);
  if (node?.kind === 'directory') return true;
  if (asParent && node !== undefined && node.kind !== 'whiteout') return false;
  model.set(path, { kind: 'directory', text: '', opaque: node?.kind === 'whiteout' });
  return true;
}

function parentsOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
}

function applyToModel(model: Model, entry: TarSpec): boolean {
  const path = entry.name;
  const parts = path.split('/');
  const last = parts.at(-1) ?? '';
  const parent = parts.slice(0, -1).join('/');
  if (entry.type === '6') {
    // Skipped: it makes no parents, but what an earlier entry made there is gone.
    if (parentsOf(path).every((at) => model.get(at)?.kind === 'directory')) removeTree(model, path);
    return true;
  }
  if (!parentsOf(path).every((at) => directoryAt(model, at, true))) return false;
  if (last === '.wh..wh..opq') {
    const node = model.get(parent);
    if (node !== undefined) node.opaque = true;
    return true;
  }
  if (last.startsWith('.wh.')) {
    const hidden = parent === '' ? last.slice(4) : `${parent}/${last.slice(4)}`;
    const node = model.get(hidden);
    if (node === undefined) model.set(hidden, { kind: 'whiteout', text: '', opaque: false });
    else if (node.kind === 'directory') node.opaque = true;
    return true;
  }
  if (entry.type === '5') return directoryAt(model, path, false);
  removeTree(model, path);
  const kind = entry.type === '2' ? 'symlink' : 'file';
  model.set(path, { kind, text: kind === 'file' ? String(entry.content) : String(entry.link), opaque: false });
  return true;
}

const segment = fc.constantFrom('a', 'b');
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const entry: fc.Arbitrary<TarSpec> = fc.oneof(
  fc.record({ name: path, type: fc.constant('0'), content: fc.string({ maxLength: 3 }) }),
  fc.record({ name: path, type: fc.constant('5') }),
  fc.record({ name: path, type: fc.constant('6') }),
  fc.record({ name: path, type: fc.constant('2'), link: fc.constantFrom('nowhere', '/etc', '../../../etc') }),
  fc.record({
    name: fc.tuple(path, segment).map(([at, name]) => `${at}/.wh.${name}`),
    type: fc.constant('0'),
  }),
  fc.record({ name: segment.map((name) => `.wh.${name}`), type: fc.constant('0') }),
  fc.record({ name: path.map((at) => `${at}/.wh..wh..opq`), type: fc.constant('0') }),
);

test('any sequence of entries ends as the rules say, or is refused where they say', { timeout: 300_000 }, async () => {
  const seen = { refused: 0, accepted: 0, replaced: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 8 }), async (entries) => {
      const model: Model = new Map();
      const accepted = entries.every((each) => applyToModel(model, each));
      const tar = writeTar(entries);
      const unpacked = await unpackArchive(dir, tar).catch((error) => error.code as string);
      seen[accepted ? 'accepted' : 'refused'] += 1;
      if (!accepted) {
        expect(unpacked).toBe('LAYER_ENTRY_INVALID');
        return;
      }
      if (typeof unpacked === 'string') throw new Error(`refused with ${unpacked}`);
      // No link in these leads to a directory, so all of them can be made again, whatever was replaced.
      expect(assembled(unpacked).equals(tar)).toBe(true);
      if (model.size < entries.length) seen.replaced += 1;
      const nodes = [...snapshotTree(unpacked.root)].slice(1);
      const actual = nodes.map(([at, text]) => [at.slice(1), simplify(text)]);
      const expected = [...model]
        .map(([at, node]) => [at, node.kind === 'directory' ? `directory ${node.opaque}` : node.kind] as const)
        .sort(([a], [b]) => (a.split('/').join('\0') < b.split('/').join('\0') ? -1 : 1));
      expect(actual).toEqual(expected);
    }),
    { numRuns: 100 },
  );
  expect(seen.refused).toBeGreaterThan(0);
  expect(seen.accepted).toBeGreaterThan(0);
  expect(seen.replaced).toBeGreaterThan(0);
});

function simplify(text: string): string {
  if (text.includes('device 0')) return 'whiteout';
  if (text.includes('->')) return 'symlink';
  if (text.includes('dir opaque=')) return `directory ${text.endsWith('=y')}`;
  return 'file';
}

test('no sequence of hostile entries changes anything outside of the layer', { timeout: 300_000 }, async () => {
  const outside = join(dir, 'outside');
  mkdirSync(join(outside, 'sub'), { recursive: true });
  writeFileSync(join(outside, 'victim'), 'untouched');
  writeFileSync(join(outside, 'sub/victim'), 'untouched');
  const before = snapshotTree(outside, { nanoseconds: true });
  const name = fc.constantFrom(
    'l',
    'm',
    'l/victim',
    'm/sub/victim',
    'l/m',
    'm/l/victim',
    outside,
    `${outside}/victim`,
    'l/.wh.victim',
    'm/.wh..wh..opq',
    'l/sub',
  );
  const target = fc.constantFrom(
    outside,
    '..',
    '../outside',
    '../../outside',
    `../../..${outside}`,
    '/',
    '/proc/self/root',
    '/proc/1/cwd',
    `${outside}/victim`,
    'l',
    'm/sub',
  );
  const hostile: fc.Arbitrary<TarSpec> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ name, type: fc.constant('2'), link: target }) },
    fc.record({ name, type: fc.constant('0'), content: fc.constant('overwritten'), mode: fc.constant(0o777) }),
    fc.record({ name, type: fc.constant('1'), link: target.filter((link) => !link.includes('..')) }),
    fc.record({ name, type: fc.constantFrom('5', '6'), uid: fc.constant(1234) }),
  );
  let applied = 0;
  let shared = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(hostile, { minLength: 1, maxLength: 8 }), async (entries) => {
      const parent = mkdtempSync(join(dir, 'hostile-'));
      const tar = writeTar(entries);
      await unpackArchive(parent, tar).then(
        (unpacked) => {
          applied += 1;
          if (unpacked.result.split?.reason !== undefined) return;
          shared += 1;
          // Nor does making the archive again read anything outside of it.
          expect(assembled(unpacked).equals(tar)).toBe(true);
        },
        (error) => expect(error.code).toMatch(/^LAYER_(ENTRY|PATH)_INVALID$/),
      );
      expect(snapshotTree(outside, { nanoseconds: true })).toEqual(before);
      rmSync(parent, { recursive: true });
    }),
    { numRuns: 100 },
  );
  expect(applied).toBeGreaterThan(0);
  expect(shared).toBeGreaterThan(0);
});
