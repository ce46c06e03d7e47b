import { readSync, writeSync } from 'node:fs';
import { attempt, must } from './libc.ts';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const BLOCK_BYTES = 4096;
const ENXIO = 6;

/** Bytes and where in a file they are; between them are zeros. */
export interface Segment {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** What is in an open file of `size` bytes besides zeros, without a look at its holes. */
export function readSegments(fd: number, size: number): readonly Segment[] {
  const segments: Segment[] = [];
  for (let from = 0; from < size; ) {
    const errno = attempt('lseek', fd, from, SEEK_DATA);
    if (errno === ENXIO) break; // nothing but a hole up to the end
    const start = must('lseek', `fd ${fd}`, fd, from, SEEK_DATA);
    const end = must('lseek', `fd ${fd}`, fd, start, SEEK_HOLE);
    const bytes = Buffer.alloc(end - start);
    for (let at = 0; at < bytes.length; ) {
      const got = readSync(fd, bytes, at, bytes.length - at, start + at);
      if (got === 0) break;
      at += got;
    }
    segments.push(...withoutZeros(start, bytes));
    from = end;
  }
  return segments;
}

export function writeSegments(fd: number, segments: readonly Segment[]): void {
  for (const { offset, bytes } of segments) {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, offset + at);
  }
}

function withoutZeros(start: number, bytes: Buffer): Segment[] {
  const zeros = Buffer.alloc(BLOCK_BYTES);
  const runs: { from: number; to: number }[] = [];
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const to = Math.min(at + BLOCK_BYTES, bytes.length);
    if (bytes.compare(zeros, 0, to - at, at, to) === 0) continue;
    const last = runs.at(-1);
    if (last?.to === at) last.to = to;
    else runs.push({ from: at, to });
  }
  return runs.map(({ from, to }) => ({ offset: start + from, bytes: Buffer.from(bytes.subarray(from, to)) }));
}
