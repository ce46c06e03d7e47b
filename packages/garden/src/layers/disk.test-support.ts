import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { must } from '../sys/libc.ts';
import { writeTar } from '../tar/tar-writer.test-support.ts';
import { sha256 } from './digest.test-support.ts';
import type { FetchLayer, LayerDescriptor } from './layer.ts';
import { inPieces } from './unpack.test-support.ts';

const MEBIBYTE = 1024 ** 2;

/** A disk of its own and a directory on it, in memory, gone with the test process. Only where the host is sealed. */
export function mountDisk(parent: string, megabytes: number): string {
  const at = mkdtempSync(join(parent, 'disk-'));
  must('mount', at, 'tmpfs', at, 'tmpfs', 0, `size=${megabytes}m,mode=700`);
  mkdirSync(join(at, 'store'));
  return join(at, 'store');
}

export interface Blob {
  readonly bytes: Buffer;
  readonly descriptor: LayerDescriptor;
}

/** A layer of one file that takes so many bytes packed and unpacked: noise, the same for the same name. */
export function noiseLayer(name: string, bytes: number): Blob {
  const key = createHash('sha256').update(name).digest();
  const noise = createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes));
  return packed(writeTar([{ name, content: noise }]));
}

/** A layer that unpacks to so many zeros of next to nothing, which no estimate can know. */
export function hollowLayer(name: string, bytes: number): Blob {
  return packed(writeTar([{ name, content: Buffer.alloc(bytes) }]));
}

function packed(tar: Buffer): Blob {
  const bytes = gzipSync(tar, { level: 1 });
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
  return { bytes, descriptor: { digest: sha256(bytes), size: bytes.length, mediaType, diffId: sha256(tar) } };
}

/** A registry of these blobs that counts what it is asked for. */
export function registryOf(blobs: readonly Blob[]): { readonly fetch: FetchLayer; readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    fetch: ({ digest }) => {
      asked.push(digest);
      const blob = blobs.find((each) => each.descriptor.digest === digest);
      if (blob === undefined) throw new Error('no such blob');
      return inPieces(blob.bytes);
    },
  };
}

/** Bytes that nobody can pack, for somebody else's file. */
export function noise(megabytes: number): Buffer {
  return randomBytes(megabytes * MEBIBYTE);
}
