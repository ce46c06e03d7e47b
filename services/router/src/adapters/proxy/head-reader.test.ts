import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HeadReader, type HeadReading } from './head-reader.ts';

/** Reads portions until something other than `more` comes of one; what was not read is appended to the rest. */
function readAll(reader: HeadReader, portions: readonly Buffer[]): { reading: HeadReading; after: string } {
  for (const [index, portion] of portions.entries()) {
    const reading = reader.read(portion);
    if (reading.kind === 'more') continue;
    const rest = reading.kind === 'head' ? (reading.rest ?? Buffer.alloc(0)) : Buffer.alloc(0);
    return { reading, after: Buffer.concat([rest, ...portions.slice(index + 1)]).toString('latin1') };
  }
  return { reading: { kind: 'more' }, after: '' };
}

function cutUp(text: string, cuts: readonly number[]): Buffer[] {
  const points = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  const bytes = Buffer.from(text, 'latin1');
  return [...points, text.length].map((to, i, all) => bytes.subarray(i === 0 ? 0 : all[i - 1], to));
}

const line = fc.string({ unit: fc.constantFrom('a', ':', ' ', 'Z', '\xff'), maxLength: 30 });
const cuts = fc.array(fc.nat(), { maxLength: 12 });

test('a head is found wherever the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(
        line.filter((l) => l !== ''),
        { minLength: 1, maxLength: 8 },
      ),
      line,
      cuts,
      fc.boolean(),
      (lines, after, at, blank) => {
        const head = lines.map((l) => `${l}\r\n`).join('');
        const reader = new HeadReader(10_000);
        const { reading, after: rest } = readAll(reader, cutUp(`${blank ? '\r\n' : ''}${head}\r\n${after}`, at));
        expect(reading).toMatchObject({ kind: 'head', text: head });
        expect(rest).toBe(after);
        expect(reader.started).toBe(false);
      },
    ),
  );
});

test('any bytes cut in any way give what they give in one piece', () => {
  const bytes = fc.string({ unit: fc.constantFrom('\r', '\n', 'a', '\r\n', '\r\n\r\n'), maxLength: 40 });
  fc.assert(
    fc.property(bytes, cuts, (text, at) => {
      const whole = readAll(new HeadReader(30), [Buffer.from(text, 'latin1')]);
      const cut = readAll(new HeadReader(30), cutUp(text, at));
      // A fault may be seen before the end of the head that another fault is in.
      if (whole.reading.kind === 'head' && cut.reading.kind !== 'head') {
        expect(whole.reading.text).toMatch(/(^|[^\r])\n/);
        return;
      }
      if (whole.reading.kind === 'too-large' || whole.reading.kind === 'bare-lf') {
        expect(['too-large', 'bare-lf']).toContain(cut.reading.kind);
        return;
      }
      expect(cut.reading.kind).toBe(whole.reading.kind);
      if (cut.reading.kind === 'head' && whole.reading.kind === 'head') {
        expect(cut.reading.text).toBe(whole.reading.text);
        expect(cut.after).toBe(whole.after);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('the limit counts the whole head, however it comes', () => {
  const head = `GET / HTTP/1.1\r\nA: ${'b'.repeat(100)}\r\n\r\n`;
  for (const step of [1, 7, head.length]) {
    const read = (max: number): string => {
      const portions = Array.from({ length: Math.ceil(head.length / step) }, (_, i) =>
        Buffer.from(head.slice(i * step, (i + 1) * step), 'latin1'),
      );
      return readAll(new HeadReader(max), portions).reading.kind;
    };
    expect(read(head.length)).toBe('head');
    expect(read(head.length - 1)).toBe('too-large');
  }
});

test('a reader can be used for one head after the other', () => {
  const reader = new HeadReader(100);
  expect(reader.read(Buffer.from('A\r\n\r\nB\r'))).toMatchObject({ kind: 'head', text: 'A\r\n' });
  expect(reader.read(Buffer.from('B\r'))).toEqual({ kind: 'more' });
  expect(reader.started).toBe(true);
  expect(reader.read(Buffer.from('\n\r\nC'))).toMatchObject({ kind: 'head', text: 'B\r\n', rest: Buffer.from('C') });
});
