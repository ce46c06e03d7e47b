import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeFifo, setPipeSize } from '../sys/files.ts';
import { LineSplitter, MAX_LINE_BYTES } from './line-splitter.ts';
import { type LogLine, LogReader } from './log-reader.ts';

describe('lines', () => {
  test('however the bytes come in pieces, the lines are those between the ends, none empty, none too long', () => {
    const text = fc.array(fc.constantFrom('a', 'bc', '\n', '\r', '\r\n', 'é', 'x'.repeat(40_000)), { maxLength: 30 });
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1 }), (parts, cuts) => {
        const bytes = Buffer.from(parts.join(''));
        const splitter = new LineSplitter();
        const lines: Buffer[] = [];
        for (let at = 0, i = 0; at < bytes.length; i += 1) {
          const size = cuts[i % cuts.length] ?? 1;
          lines.push(...splitter.push(bytes.subarray(at, at + size)));
          at += size;
        }
        lines.push(...splitter.flush());
        expect(lines.every((line) => line.length > 0 && line.length <= MAX_LINE_BYTES)).toBe(true);
        const expected = parts
          .join('')
          .split(/[\r\n]/)
          .filter((line) => line !== '');
        const pieces = expected.flatMap((line) => {
          const whole = Buffer.from(line);
          const count = Math.ceil(whole.length / MAX_LINE_BYTES);
          return Array.from({ length: count }, (_, i) => whole.subarray(i * MAX_LINE_BYTES, (i + 1) * MAX_LINE_BYTES));
        });
        expect(
          Buffer.concat(lines.map((line) => Buffer.concat([line, Buffer.from('\n')]))).equals(
            Buffer.concat(pieces.map((piece) => Buffer.concat([piece, Buffer.from('\n')]))),
          ),
        ).toBe(true);
      }),
    );
  });
});

describe('reading FIFOs', () => {
  let dir: string;
  let fifos: { readonly stdout: string; readonly stderr: string };
  let out: number;
  let err: number;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'logs-test-'));
    fifos = { stdout: join(dir, 'stdout'), stderr: join(dir, 'stderr') };
    makeFifo(fifos.stdout);
    makeFifo(fifos.stderr);
    out = openSync(fifos.stdout, 'r+');
    err = openSync(fifos.stderr, 'r+');
  });
  afterEach(() => rmSync(dir, { recursive: true }));
  const texts = (lines: readonly LogLine[]): string[] =>
    lines.map(({ stream, line }) => `${stream} ${Buffer.from(line)}`);

  test('lines of both come in order with times that increase, up to an unfinished last one', async () => {
    writeSync(out, 'before\nthe reader\n');
    const lines: LogLine[] = [];
    const reader = new LogReader([fifos], (more) => {
      lines.push(...more);
    });
    writeSync(out, 'one\n\ntwo');
    writeSync(err, 'oops\n');
    closeSync(out);
    closeSync(err);
    await reader.ended;
    expect(texts(lines).filter((text) => text.startsWith('stdout'))).toEqual([
      'stdout before',
      'stdout the reader',
      'stdout one',
      'stdout two',
    ]);
    expect(texts(lines)).toContain('stderr oops');
    const times = lines.map((line) => line.timestampNs);
    expect(times.every((time, i) => i === 0 || time > (times[i - 1] ?? 0n))).toBe(true);
    expect(Math.abs(Number(times[0] ?? 0n) / 1e6 - Date.now())).toBeLessThan(60_000);
  });

  test('a slow sink makes the writer wait, and memory stays small', async () => {
    setPipeSize(out, 1024 * 1024);
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    let delivered = 0;
    const reader = new LogReader([fifos], async (lines) => {
      delivered += lines.length;
      await gate;
    });
    const writer = openSync(fifos.stdout, 'a');
    const line = `${'x'.repeat(99)}\n`;
    const { spawn } = await import('node:child_process');
    const child = spawn('sh', ['-c', `yes '${line.trim()}' | head -c 20000000`], {
      stdio: ['ignore', writer, 'inherit'],
    });
    closeSync(writer);
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    closeSync(out);
    closeSync(err);
    // It can write no more than the FIFO and one read hold while the sink is busy.
    const first = await Promise.race([
      exited.then(() => 'done'),
      new Promise((resolve) => setTimeout(resolve, 300, 'waiting')),
    ]);
    expect(first).toBe('waiting');
    expect(delivered).toBeLessThan(2000);
    open();
    await reader.ended;
    expect(delivered).toBe(200_000);
  });

  test('a sink that fails ends the reading with its error', async () => {
    const reader = new LogReader([fifos], () => {
      throw new Error('no room');
    });
    writeSync(out, 'x\n');
    await expect(reader.ended).rejects.toMatchObject({
      code: 'CELL_STATE_FAILED',
      message: expect.stringContaining('no room'),
    });
    closeSync(out);
    closeSync(err);
  });

  test('a reader that is stopped hands on what it has read and leaves the rest to the next', async () => {
    const lines: LogLine[] = [];
    const { promise: busy, resolve: tell } = Promise.withResolvers<void>();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const first = new LogReader([fifos], async (more) => {
      lines.push(...more);
      tell();
      await gate;
    });
    writeSync(out, 'one\ntwo\nunfin');
    await busy;
    writeSync(out, 'ished\n');
    const stopped = first.stop();
    open();
    await stopped;
    writeSync(out, 'three\n');
    const second = new LogReader([fifos], (more) => {
      lines.push(...more);
    });
    closeSync(out);
    closeSync(err);
    await second.ended;
    const joined = texts(lines).map((text) => text.slice('stdout '.length));
    expect(joined.slice(0, 2)).toEqual(['one', 'two']);
    expect(joined.slice(2, -1).join('')).toBe('unfinished');
    expect(joined.at(-1)).toBe('three');
  });
});
