import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DEFAULT_LAYER_LIMITS, type LayerLimits } from '../tar/limits.ts';
import { assembleArchive } from './assemble-archive.ts';
import { expectConfinement } from './canary.test-support.ts';
import { sha256 } from './digest.test-support.ts';
import { type UnpackedLayer, unpackLayer } from './unpack-layer.ts';

/** Yields the bytes in pieces of a size. */
export async function* inPieces(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** A directory that nobody else uses; the tests' own cleanup removes it. */
export function scratch(name = 'garden-test-'): string {
  return mkdtempSync(join(tmpdir(), name));
}

/** Unpacks an archive as a layer of its own into a new directory below `parent`. */
export async function unpackArchive(
  parent: string,
  blob: Uint8Array,
  options: { readonly limits?: Partial<LayerLimits>; readonly tar?: Uint8Array; readonly pieces?: number } = {},
): Promise<{ readonly root: string; readonly result: UnpackedLayer; readonly splitFile: string }> {
  await expectConfinement(parent);
  const root = mkdtempSync(join(parent, 'layer-'));
  const directory = join(root, 'root');
  const splitFile = join(root, 'split');
  mkdirSync(directory);
  const tar = options.tar ?? (blob[0] === 0x1f && blob[1] === 0x8b ? gunzipSync(blob) : blob);
  const result = await unpackLayer(
    {
      directory,
      digest: sha256(blob),
      size: blob.length,
      diffId: sha256(tar),
      limits: { ...DEFAULT_LAYER_LIMITS, ...options.limits },
    },
    inPieces(blob, options.pieces),
    { signal: new AbortController().signal, onBytes: () => undefined, splitFile },
  );
  return { root: directory, result, splitFile };
}

/** The archive made again from byte `from` on, all at once. */
export function assembled(unpacked: { readonly root: string; readonly splitFile: string }, from = 0): Buffer {
  return Buffer.concat([...assembleArchive({ directory: unpacked.root, splitFile: unpacked.splitFile }, from)]);
}
