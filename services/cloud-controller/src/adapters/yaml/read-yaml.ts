import { isAlias, isMap, isScalar, isSeq, type ParsedNode, parseDocument } from 'yaml';

export type YamlResult =
  | { readonly outcome: 'read'; readonly value: unknown }
  | { readonly outcome: 'rejected'; readonly problem: string };

/** The problem of a text that has aliases. */
export const NO_ALIASES = 'anchors and aliases are not supported';
/** Deeper than any manifest; the reader is recursive. */
const MAX_DEPTH = 100;

/** Why a text is refused, on its way out of the recursion. */
class Refused extends Error {}

/**
 * Reads YAML of a stranger: one document of plain data. There are no anchors, so that a short text is never a large
 * value, no tags, and no key twice. Whole numbers that a double cannot hold become text, which keeps their digits.
 */
export function readYaml(text: string): YamlResult {
  const reject = (problem: string): YamlResult => ({ outcome: 'rejected', problem });
  try {
    // Its own check of unique keys compares each with each; `toValue` does it with a set.
    const document = parseDocument(text, { schema: 'core', intAsBigInt: true, uniqueKeys: false, logLevel: 'error' });
    const fault = document.errors[0] ?? document.warnings[0];
    if (fault !== undefined) return reject(fault.message.split('\n', 1)[0] ?? fault.message);
    return { outcome: 'read', value: document.contents === null ? null : toValue(document.contents, 0) };
  } catch (error) {
    if (error instanceof Refused) return reject(error.message);
    // The parser itself recurses, too.
    if (error instanceof RangeError) return reject('nested too deeply');
    throw error;
  }
}

function toValue(node: ParsedNode | null, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new Refused('nested too deeply');
  if (node === null) return null;
  if (isAlias(node)) throw new Refused(NO_ALIASES);
  if (isSeq(node)) return node.items.map((item) => toValue(item, depth + 1));
  if (isScalar(node)) return scalarValue(node.value);
  if (!isMap(node)) throw new Refused('not plain data');
  const result: Record<string, unknown> = {};
  for (const { key, value } of node.items) {
    if (!isScalar(key)) throw new Refused('a key is not a text');
    const name = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
    if (name === '<<') throw new Refused('merge keys are not supported');
    if (Object.hasOwn(result, name)) throw new Refused(`the key '${name}' is given twice`);
    // A key may be `__proto__`.
    Object.defineProperty(result, name, {
      value: toValue(value as ParsedNode | null, depth + 1),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return result;
}

function scalarValue(value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value);
}
