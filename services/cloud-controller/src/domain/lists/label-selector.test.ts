import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type LabelRequirement, parseLabelSelector } from './label-selector.ts';

test.each<[string, LabelRequirement[]]>([
  ['env', [{ key: 'env', kind: 'exists', values: [] }]],
  ['!env', [{ key: 'env', kind: 'absent', values: [] }]],
  ['env=prod', [{ key: 'env', kind: 'in', values: ['prod'] }]],
  ['env==prod', [{ key: 'env', kind: 'in', values: ['prod'] }]],
  ['env!=prod', [{ key: 'env', kind: 'notin', values: ['prod'] }]],
  ['env=', [{ key: 'env', kind: 'in', values: [''] }]],
  ['example.com/env in (a, b)', [{ key: 'example.com/env', kind: 'in', values: ['a', 'b'] }]],
  ['env notin (a)', [{ key: 'env', kind: 'notin', values: ['a'] }]],
  [
    'env in (a,b),!tier, x=y',
    [
      { key: 'env', kind: 'in', values: ['a', 'b'] },
      { key: 'tier', kind: 'absent', values: [] },
      { key: 'x', kind: 'in', values: ['y'] },
    ],
  ],
])('%j asks for %j', (text, requirements) => {
  expect(parseLabelSelector(text)).toEqual(requirements);
});

test.each(['', ',', 'a,', 'a=b=c', '!a=b', 'in (a)', 'a in', 'a in (b', 'a in b)', 'a b', 'a in ((b))', '!', 'a/b/c'])(
  '%j is no label selector',
  (text) => {
    expect(parseLabelSelector(text)).toBeUndefined();
  },
);

test('whatever is written, what comes back can be written again', () => {
  const write = ({ key, kind, values }: LabelRequirement): string => {
    if (kind === 'exists') return key;
    return kind === 'absent' ? `!${key}` : `${key} ${kind} (${values.join(',')})`;
  };
  const word = fc.stringMatching(/^[a-z0-9][\w.-]{0,8}$/);
  const requirement = fc.oneof(
    fc.record({ key: word, kind: fc.constantFrom('exists' as const, 'absent' as const), values: fc.constant([]) }),
    fc.record({
      key: word,
      kind: fc.constantFrom('in' as const, 'notin' as const),
      values: fc.array(word, { minLength: 1, maxLength: 4 }),
    }),
  );
  fc.assert(
    fc.property(fc.array(requirement, { minLength: 1, maxLength: 5 }), (requirements) => {
      expect(parseLabelSelector(requirements.map(write).join(','))).toEqual(requirements);
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      const parsed = parseLabelSelector(text);
      if (parsed !== undefined) expect(parseLabelSelector(parsed.map(write).join(','))).toEqual(parsed);
    }),
  );
});
