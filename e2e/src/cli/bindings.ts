import { guidsIn } from './answer-digest.ts';

/** Fields that tell the items of a list apart. */
const NAMES = ['name', 'type', 'username', 'userName', 'host', 'version', 'sequence_id', 'url', 'index'] as const;

/** An answer as guids are looked for in it: its body, and where it points to. */
export interface Answer {
  readonly location?: string | undefined;
  readonly body: unknown;
}

/** Where `guid` is in an answer, e.g. `resources[name=web].guid` or `location`; undefined when it is not there. */
export function selectorOf(guid: string, { body, location }: Answer): string | undefined {
  return find(guid, body, '') ?? (location?.includes(guid) ? 'location' : undefined);
}

function find(guid: string, value: unknown, at: string): string | undefined {
  if (typeof value === 'string') return guidsIn(value).at(-1) === guid ? at : undefined;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const found = find(guid, item, `${at}[${itemName(value, index)}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  // Its own guid, rather than that of something it belongs to; what has a name, rather than a link.
  const entries = Object.entries(value).toSorted(([a], [b]) => rank(a) - rank(b));
  for (const [key, inner] of entries) {
    const found = find(guid, inner, at === '' ? key : `${at}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

const rank = (key: string): number => (key === 'guid' || key === 'id' ? 0 : key === 'links' ? 2 : 1);

function itemName(items: readonly unknown[], index: number): string {
  if (items.length === 1) return '0';
  for (const key of NAMES) {
    const values = items.map((item) => field(item, key));
    const own = values[index];
    if (own !== undefined && own !== '' && values.filter((v) => v === own).length === 1) return `${key}=${own}`;
  }
  return String(index);
}

function field(item: unknown, key: string): string | undefined {
  if (typeof item !== 'object' || item === null || !(key in item)) return undefined;
  const value = (item as Record<string, unknown>)[key];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** The guid at a selector of `selectorOf`. Throws when there is none. */
export function selectGuid(selector: string, { body, location }: Answer): string {
  const value = selector === 'location' ? location : walk(selector, body);
  const guid = typeof value === 'string' ? guidsIn(value).at(-1) : undefined;
  if (guid === undefined) throw new Error(`the answer has no guid at ${selector}`);
  return guid;
}

function walk(selector: string, body: unknown): unknown {
  let value = body;
  for (const [, key, item] of selector.matchAll(/([^.[\]]+)|\[([^\]]*)\]/g)) {
    if (key !== undefined) {
      value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
      continue;
    }
    if (!Array.isArray(value) || item === undefined) return undefined;
    const [name = '', wanted] = item.split('=');
    value = wanted === undefined ? value[Number(name)] : value.find((one) => field(one, name) === wanted);
  }
  return value;
}
