import { showPath, TarError } from './tar-error.ts';

/** A path of an entry inside its layer: components without empty, `.` and `..` ones. The root has none. */
export type LayerPath = readonly string[];

/**
 * Takes an entry's path apart. A leading slash means the layer's root, as it does to Docker (some builders write it).
 * `..` is refused outright: no builder writes it, and what it would mean behind a link depends on who reads it.
 */
export function parseLayerPath(path: string, maxBytes: number): LayerPath {
  if (path.length > maxBytes) {
    throw new TarError(
      'LAYER_LIMIT_EXCEEDED',
      `A path of ${path.length} bytes is over the limit of ${maxBytes}: ${showPath(path)}`,
      {
        limit: maxBytes,
        actual: path.length,
      },
    );
  }
  if (path === '') throw new TarError('LAYER_PATH_INVALID', 'An entry has no path');
  if (path.includes('\0')) throw new TarError('LAYER_PATH_INVALID', `A path has a NUL in it: ${showPath(path)}`);
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  for (const part of parts) {
    if (part === '..') {
      throw new TarError('LAYER_PATH_INVALID', `A path has a ".." in it: ${showPath(path)}`);
    }
    if (part.length > 255) {
      throw new TarError(
        'LAYER_PATH_INVALID',
        `A name of ${part.length} bytes is over the limit of 255: ${showPath(path)}`,
      );
    }
  }
  return parts;
}

/** What an entry's last component means to overlayfs (OCI image-spec, "Whiteouts"). */
export type Whiteout =
  | { readonly kind: 'none' }
  /** Hides `name` of the layers below. */
  | { readonly kind: 'whiteout'; readonly name: string }
  /** Hides all that the layers below have in the entry's directory. */
  | { readonly kind: 'opaque' }
  /** Bookkeeping of AUFS that some old images still carry. */
  | { readonly kind: 'ignored' };

const PREFIX = '.wh.';
const OPAQUE = '.wh..wh..opq';

/** Reads the last component. Only a prefix counts: `a.wh.b` is a file like any other. */
export function parseWhiteout(path: LayerPath): Whiteout {
  const last = path.at(-1) ?? '';
  if (!last.startsWith(PREFIX)) return { kind: 'none' };
  if (last === OPAQUE) return { kind: 'opaque' };
  if (last.startsWith('.wh..wh.')) return { kind: 'ignored' };
  const name = last.slice(PREFIX.length);
  if (name === '' || name === '.' || name === '..') {
    throw new TarError('LAYER_PATH_INVALID', `A whiteout of nothing: ${showPath(path.join('/'))}`);
  }
  return { kind: 'whiteout', name };
}
