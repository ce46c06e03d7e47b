import fc from 'fast-check';
import type { z } from 'zod';

type Def = z.core.$ZodTypeDef & Record<string, unknown>;
const defOf = (schema: unknown): Def => (schema as z.core.$ZodType)._zod.def as Def;

interface Checks {
  readonly patterns: readonly RegExp[];
  readonly formats: readonly string[];
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly startsWith: string | undefined;
}

/** Values that a schema accepts, for the parts of zod that the contracts use; throws for others. */
export function arbitraryOf(schema: unknown): fc.Arbitrary<unknown> {
  const def = defOf(schema);
  switch (def.type) {
    case 'object':
      return objectOf(def);
    case 'string':
      return stringOf(def);
    case 'number':
      return numberOf(def);
    case 'boolean':
      return fc.boolean();
    case 'literal':
      return fc.constantFrom(...(def.values as unknown[]));
    case 'enum':
      return fc.constantFrom(...Object.values(def.entries as Record<string, string>));
    case 'array':
      return arrayOf(def);
    case 'record':
      return fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }).filter(isPlainKey), arbitraryOf(def.valueType));
    case 'union':
      return fc.oneof(...(def.options as unknown[]).map(arbitraryOf));
    default:
      throw new Error(`no arbitrary for ${def.type}`);
  }
}

/** What an object's prototype has is not a field of it. */
const isPlainKey = (key: string): boolean => !(key in {});

function objectOf(def: Def): fc.Arbitrary<unknown> {
  const shape = def.shape as Record<string, unknown>;
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  const required: string[] = [];
  for (const [key, schema] of Object.entries(shape)) {
    const inner = defOf(schema);
    if (inner.type !== 'optional') required.push(key);
    fields[key] = arbitraryOf(inner.type === 'optional' ? inner.innerType : schema);
  }
  return fc.record(fields, { requiredKeys: required });
}

function arrayOf(def: Def): fc.Arbitrary<unknown> {
  const { min, max } = checksOf(def);
  return fc.array(arbitraryOf(def.element), { minLength: min ?? 0, maxLength: max ?? Math.max(min ?? 0, 4) });
}

function stringOf(def: Def): fc.Arbitrary<string> {
  const { patterns, formats, min, max, startsWith } = checksOf(def);
  if (formats.includes('datetime')) {
    const range = { min: new Date('1970-01-01'), max: new Date('9999-01-01'), noInvalidDate: true };
    return fc.date(range).map((date) => date.toISOString());
  }
  if (formats.includes('base64')) return fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('base64'));
  const [pattern] = patterns;
  if (formats.includes('regex') && pattern !== undefined) return fc.stringMatching(pattern);
  if (startsWith !== undefined) return fc.string().map((text) => startsWith + text);
  return fc
    .string({ minLength: min ?? 0, maxLength: max ?? 20, unit: 'grapheme' })
    .filter((text) => text.length <= (max ?? 400));
}

function numberOf(def: Def): fc.Arbitrary<number> {
  const { formats, min, max } = checksOf(def);
  if (formats.includes('safeint')) {
    return fc.integer({ min: min ?? Number.MIN_SAFE_INTEGER, max: max ?? Number.MAX_SAFE_INTEGER });
  }
  // -0 is 0 in JSON.
  const plain = fc.double({ min: min ?? -1e9, max: max ?? 1e9, noNaN: true, noDefaultInfinity: true });
  return plain.map((n) => (n === 0 ? 0 : n));
}

function checksOf(def: Def): Checks {
  const all = [def, ...((def.checks as unknown[] | undefined) ?? []).map(defOf)] as Record<string, unknown>[];
  const bound = (check: string, field: string, shift: number): number | undefined => {
    const found = all.find((c) => c.check === check);
    const value = (found?.[field] ?? found?.minimum ?? found?.maximum) as number | undefined;
    return value === undefined ? undefined : value + (found?.inclusive === false ? shift : 0);
  };
  return {
    patterns: all.flatMap((c) => (c.pattern instanceof RegExp ? [c.pattern] : [])),
    formats: all.flatMap((c) => (typeof c.format === 'string' ? [c.format] : [])),
    min: bound('greater_than', 'value', 1) ?? bound('min_length', 'minimum', 0),
    max: bound('less_than', 'value', -1) ?? bound('max_length', 'maximum', 0),
    startsWith: all.find((c) => c.format === 'starts_with')?.prefix as string | undefined,
  };
}
