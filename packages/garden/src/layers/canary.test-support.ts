import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_LAYER_LIMITS } from '../tar/limits.ts';
import { writeTar } from '../tar/tar-writer.test-support.ts';
import { sha256 } from './digest.test-support.ts';
import { unpackLayer } from './unpack-layer.ts';

let seen: Promise<void> | undefined;

/**
 * Unpacks one file with a name that exists nowhere and looks where it went, once for each test process. Tests that
 * need the host's own mounts, and so cannot seal it, unpack nothing else before this has passed.
 */
export async function expectConfinement(parent: string): Promise<void> {
  seen ??= probe(parent);
  await seen;
}

async function probe(parent: string): Promise<void> {
  const name = `confinement-canary-${randomUUID()}`;
  const directory = join(parent, `canary-${randomUUID()}`);
  mkdirSync(directory, { recursive: true });
  try {
    const tar = writeTar([{ name, content: 'x' }]);
    const order = {
      directory,
      digest: sha256(tar),
      diffId: sha256(tar),
      size: tar.length,
      limits: DEFAULT_LAYER_LIMITS,
    };
    async function* bytes(): AsyncGenerator<Uint8Array> {
      yield tar;
    }
    await unpackLayer(order, bytes(), { signal: new AbortController().signal, onBytes: () => undefined });
    if (existsSync(join('/', name))) {
      rmSync(join('/', name));
      throw new Error('the unpacker wrote to the root of the host: no test may unpack anything');
    }
    if (!existsSync(join(directory, name))) throw new Error('the unpacker wrote nobody knows where');
  } finally {
    rmSync(directory, { recursive: true });
  }
}
