import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { validationTexts } from './validation-text.ts';

const schema = z.strictObject({
  name: z.string().min(1).max(5),
  count: z.int().min(0).max(9).optional(),
  size: z.int().positive().optional(),
  any: z.int().optional(),
  list: z.array(z.string()).min(1).max(2).optional(),
  kind: z.enum(['a', 'b']).optional(),
  data: z.strictObject({ image: z.string() }).optional(),
});
const texts = (body: unknown): string[] => {
  const result = schema.safeParse(body, { reportInput: true });
  return result.success ? [] : validationTexts(result.error.issues);
};

test.each<[unknown, string[]]>([
  [{}, ["Name can't be blank"]],
  [{ name: '' }, ["Name can't be blank"]],
  [{ name: 7 }, ['Name must be a string']],
  [{ name: 'toolong' }, ['Name is too long (maximum is 5 characters)']],
  [{ name: 'x', count: -1 }, ['Count must be greater than or equal to 0']],
  [{ name: 'x', count: 10 }, ['Count must be less than or equal to 9']],
  [{ name: 'x', count: 1e99 }, ['Count must be less than or equal to 9']],
  [{ name: 'x', count: -1e99 }, ['Count must be greater than or equal to 0']],
  [{ name: 'x', any: 1e99 }, ['Any must be less than or equal to 9007199254740991']],
  [{ name: 'x', size: 0 }, ['Size must be greater than 0']],
  [{ name: 'x', list: [] }, ['List must have at least 1 item']],
  [{ name: 'x', list: ['a', 'b', 'c'] }, ['List must have at most 2 items']],
  [{ name: 'x', count: 1.5 }, ['Count must be an integer']],
  [{ name: 'x', kind: 'c' }, ['Kind must be one of "a", "b"']],
  [{ name: 'x', data: {} }, ["Data image can't be blank"]],
  [{ name: 'x', data: { image: 'i', size: 1 } }, ["Unknown field(s): 'data.size'"]],
  [{ name: 'x', colour: 1, shape: 2 }, ["Unknown field(s): 'colour', 'shape'"]],
  [[], ['Body must be an object']],
  ['text', ['Body must be an object']],
])('%j: %j', (body, expected) => {
  expect(texts(body)).toEqual(expected);
});

test('whatever is wrong has a text', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (body) => {
      const result = schema.safeParse(body, { reportInput: true });
      if (result.success) return;
      const found = validationTexts(result.error.issues);
      expect(found.length).toBeGreaterThan(0);
      for (const text of found) expect(text.length).toBeGreaterThan(5);
    }),
  );
});
