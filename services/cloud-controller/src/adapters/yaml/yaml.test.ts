import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readYaml } from './read-yaml.ts';
import { writeYaml } from './write-yaml.ts';

test('plain data is read, whole numbers to their last digit', () => {
  const text = 'a: 1\nb: [true, null, ~, 1.5, "2", yes]\nc: 12345678901234567890\n1: x\n01: y\n';
  expect(readYaml(text)).toEqual({
    outcome: 'read',
    value: { a: 1, b: [true, null, null, 1.5, '2', 'yes'], c: '12345678901234567890', 1: 'x', '01': 'y' },
  });
  expect(readYaml('')).toEqual({ outcome: 'read', value: null });
});

test.each([
  ['a: [', 'Flow sequence'],
  ['a: 1\n---\nb: 2', 'multiple documents'],
  ['a: &x 1\nb: *x', 'anchors and aliases are not supported'],
  ['<<: {a: 1}', 'merge keys are not supported'],
  ['a: 1\na: 2', "the key 'a' is given twice"],
  ['a: !ruby/object {}', 'Unresolved tag'],
  ['? [a]\n: 1', 'a key is not a text'],
  ['['.repeat(500_000), ''],
  [`${'a: \n '.repeat(3)}${'- '.repeat(5_000)}x`, ''],
])('%.20s is refused', (text, problem) => {
  const result = readYaml(text);
  expect(result.outcome === 'rejected' && result.problem).toContain(problem);
});

test('many keys cost no more than their number', () => {
  const text = Array.from({ length: 50_000 }, (_, index) => `k${index}: 1`).join('\n');
  expect(Object.keys((readYaml(text) as { value: object }).value)).toHaveLength(50_000);
});

test('a key cannot reach the prototype', () => {
  const { value } = readYaml('__proto__: {polluted: true}') as { value: object };
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(Object.hasOwn(value, '__proto__')).toBe(true);
});

test('whatever is written is read as the same', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom(
      'yes',
      'no',
      'on',
      'y',
      '~',
      'null',
      '0o7',
      '010',
      '1_000',
      '1:30',
      '2001-01-01',
      '1e3',
      '=',
      '-',
      ' a ',
      'a\nb\n',
    ),
  );
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[A-Za-z_]\w{0,8}$/), text), fc.integer(), (env, instances) => {
      expect(readYaml(writeYaml({ env, instances }))).toEqual({ outcome: 'read', value: { env, instances } });
    }),
  );
});

test('texts are quoted, for readers of YAML 1.1', () => {
  expect(writeYaml({ env: { yes: 'no' } })).toBe('env:\n  "yes": "no"\n');
});
