import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bodyProblem } from './body-problem.ts';

const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));

test.each([
  [{ a: 'x\0y' }, 'a text has characters that no text has'],
  [['\ud800'], 'a text has characters that no text has'],
  [{ 'a\0': 1 }, 'a key has characters that no text has'],
  [JSON.parse('{"a":{"__proto__":1}}'), "a key is '__proto__'"],
  [JSON.parse('[1e999]'), 'a number is too large'],
  [nested(101), 'nested too deeply'],
  [nested(100_000), 'nested too deeply'],
])('%j is refused: %s', (body, problem) => {
  expect(bodyProblem(body)).toBe(problem);
});

test.each([[nested(100)], [{ a: '😀 "\\u0000"', b: [1e300, -1, null, true] }], [null], ['x']])('%j passes', (body) => {
  expect(bodyProblem(body)).toBeUndefined();
});

test('whatever passes comes back from JSON as it was', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const body: unknown = JSON.parse(text);
      if (bodyProblem(body) !== undefined) return;
      expect(JSON.parse(JSON.stringify(body))).toEqual(body);
      expect(Buffer.from(JSON.stringify(body), 'utf8').toString()).toBe(JSON.stringify(body));
    }),
  );
});
