import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBodyScanner } from './create-body-scanner.ts';

const limits = { maxTrailerBytes: 100, maxFields: 5 };
const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const textOf = (pieces: readonly Uint8Array[]): string =>
  pieces.map((piece) => Array.from(piece, (code) => String.fromCharCode(code)).join('')).join('');

test('a body of known length ends there, wherever the bytes are cut', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), fc.nat(20), fc.nat(20), (text, length, cut) => {
      const scanner = createBodyScanner({ kind: 'length', length }, 'as-is', limits);
      const pieces: Uint8Array[] = [];
      const all = Array.from({ length: text.length }, (_, i) => String.fromCharCode(97 + (i % 26))).join('');
      let consumed = scanner.done ? 0 : scanner.scan(bytesOf(all.slice(0, cut)), 0, pieces);
      if (!scanner.done) consumed += scanner.scan(bytesOf(all.slice(cut)), 0, pieces);
      expect(textOf(pieces)).toBe(all.slice(0, length));
      expect(consumed).toBe(Math.min(length, all.length));
      expect(scanner.done).toBe(all.length >= length);
      expect(scanner.finish([])).toBe(scanner.done);
    }),
  );
});

test('a body until the end of the connection goes on as it is, or as chunks', () => {
  for (const [delivery, expected] of [
    ['as-is', 'abcdef'],
    ['chunks', '3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n'],
  ] as const) {
    const scanner = createBodyScanner({ kind: 'until-close' }, delivery, limits);
    const pieces: Uint8Array[] = [];
    expect(scanner.scan(bytesOf('abc'), 0, pieces)).toBe(3);
    expect(scanner.scan(bytesOf(''), 0, pieces)).toBe(0);
    expect(scanner.scan(bytesOf('headdef'), 4, pieces)).toBe(7);
    expect(scanner.done).toBe(false);
    expect(scanner.finish(pieces)).toBe(true);
    expect(textOf(pieces)).toBe(expected);
    expect(scanner.payloadBytes).toBe(6);
  }
});

test('no body is done before it begins', () => {
  expect(createBodyScanner({ kind: 'none' }, 'as-is', limits).done).toBe(true);
  expect(createBodyScanner({ kind: 'length', length: 0 }, 'as-is', limits).done).toBe(true);
});
