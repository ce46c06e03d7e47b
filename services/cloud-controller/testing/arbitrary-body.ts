import fc from 'fast-check';

type Schema = Readonly<Record<string, unknown>>;
type Properties = Readonly<Record<string, Schema>>;

const MAX_DEPTH = 8;
/** Texts that have broken programs. */
const TEXTS: readonly string[] = [
  '',
  ' ',
  'x',
  '*',
  '-1',
  '1G',
  '999999999999T',
  'null',
  '__proto__',
  'constructor',
  "'; drop table apps; --",
  '%00',
  'a\0b',
  '\ud800',
  '\u202e\u{1f600}é\u0301',
  'line\nbreak\ttab',
  '../../etc/passwd',
  '/'.repeat(300),
  'n'.repeat(256),
  'n'.repeat(5001),
  '\u{1f600}'.repeat(200),
  'http://user:pass@host.test:99999/%zz?a=b#c',
  '2020-01-01T00:00:00Z',
];
const NUMBERS: readonly number[] = [
  0,
  -0,
  1,
  -1,
  0.5,
  100,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31) - 1,
  Number.MAX_SAFE_INTEGER,
  2 ** 53,
  2 ** 63,
  1e300,
  -1e300,
];

const wild: fc.Arbitrary<unknown> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown>(null, true, false, ...NUMBERS, ...TEXTS, [], {}, [null], { guid: 1 }),
  },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

/**
 * Bodies that are nearly what a JSON schema asks for: of the right shape, with values at the edges, and here and there
 * something else. `guids` are of things that there are.
 */
export function arbitraryBody(schema: Schema, document: Schema, guids: readonly string[]): fc.Arbitrary<unknown> {
  const texts = fc.oneof(fc.constantFrom(...TEXTS), fc.constantFrom(...guids), fc.string(), fc.uuid());
  const of = (node: Schema, depth: number): fc.Arbitrary<unknown> => {
    const sound = soundValue(node, depth);
    return fc.oneof({ weight: 12, arbitrary: sound }, { weight: 1, arbitrary: wild });
  };
  const soundValue = (node: Schema, depth: number): fc.Arbitrary<unknown> => {
    if (depth > MAX_DEPTH) return fc.constant(null);
    if (typeof node.$ref === 'string') return of(resolve(document, node.$ref), depth + 1);
    const either = (node.anyOf ?? node.oneOf) as readonly Schema[] | undefined;
    if (either !== undefined) return fc.oneof(...either.map((one) => of(one, depth + 1)));
    if (node.const !== undefined) return fc.constant(node.const);
    if (Array.isArray(node.enum)) return fc.constantFrom(...(node.enum as unknown[]));
    switch (node.type) {
      case 'object':
        return ofObject(node, depth);
      case 'array':
        return fc.array(of((node.items ?? {}) as Schema, depth + 1), { maxLength: 3 });
      case 'integer':
      case 'number':
        return fc.oneof(fc.constantFrom(...NUMBERS), fc.integer({ min: -10, max: 2000 }));
      case 'boolean':
        return fc.boolean();
      case 'null':
        return fc.constant(null);
      case 'string':
        return texts;
      default:
        return fc.oneof(texts, wild);
    }
  };
  const ofObject = (node: Schema, depth: number): fc.Arbitrary<unknown> => {
    const properties = Object.entries((node.properties ?? {}) as Properties);
    const required = new Set((node.required ?? []) as readonly string[]);
    const fields = properties.map(([key, value]) => {
      const present = of(value, depth + 1).map((content) => [key, content] as const);
      const absent = { weight: required.has(key) ? 1 : 15, arbitrary: fc.constant(undefined) };
      return fc.oneof({ weight: 15, arbitrary: present }, absent);
    });
    const open = typeof node.additionalProperties === 'object' ? (node.additionalProperties as Schema) : undefined;
    const more =
      open === undefined ? fc.constant([]) : fc.array(fc.tuple(texts, of(open, depth + 1)), { maxLength: 3 });
    const unknown = fc.oneof(
      { weight: 20, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.tuple(fc.tuple(texts, wild)) },
    );
    return fc
      .tuple(fc.tuple(...fields), more, unknown)
      .map(([known, others, strange]) =>
        Object.fromEntries([...known.filter((entry) => entry !== undefined), ...others, ...strange]),
      );
  };
  return of(schema, 0);
}

function resolve(document: Schema, reference: string): Schema {
  return reference
    .slice(2)
    .split('/')
    .reduce<unknown>((inner, key) => (inner as Schema)[key], document) as Schema;
}

/** Bytes of a body, whatever it is for: JSON, JSON that was broken, text, anything. */
export function arbitraryBytes(json: fc.Arbitrary<unknown>): fc.Arbitrary<Buffer> {
  const text = json.map((value) => JSON.stringify(value) ?? '');
  const cut = fc.tuple(text, fc.nat(200)).map(([whole, at]) => whole.slice(0, at));
  const deep = fc.integer({ min: 50, max: 20_000 }).map((depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`);
  return fc.oneof(
    { weight: 12, arbitrary: text.map((whole) => Buffer.from(whole)) },
    { weight: 1, arbitrary: fc.oneof(cut, fc.string({ unit: 'binary' }), deep).map((part) => Buffer.from(part)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
  );
}

/** A text as part of a path or a query. */
export const arbitrarySegment: fc.Arbitrary<string> = fc
  .oneof(
    fc.constantFrom(...TEXTS).map((text) => encodeURIComponent(text.toWellFormed())),
    fc.constantFrom('%', '%00', '%2500', '%25ud800', '%ff', '%E2%28', '%2F'),
    fc.string({ minLength: 1 }).map((text) => encodeURIComponent(text.toWellFormed())),
  )
  // Clients resolve these away.
  .filter((segment) => !/^\.{0,2}$/.test(segment));
