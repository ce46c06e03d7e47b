/** Here the absence of something says as much as its presence. */
const EXACT = new Set(['labels', 'annotations', 'var', 'environment_variables', 'options', 'error', 'errors']);

/**
 * In words, the first thing in which an answer is not what was recorded; undefined when it is. The answer may have more:
 * fields anywhere, and items in lists that are not `narrow`.
 */
export function differenceOf(recorded: unknown, live: unknown, narrow: boolean, at = ''): string | undefined {
  const where = at === '' ? 'the answer' : at;
  if (Array.isArray(recorded)) {
    if (!Array.isArray(live)) return `${where} is ${show(live)}, not a list`;
    return differenceOfLists(recorded, live, narrow, where);
  }
  if (typeof recorded === 'object' && recorded !== null) {
    if (typeof live !== 'object' || live === null || Array.isArray(live))
      return `${where} is ${show(live)}, not an object`;
    return differenceOfObjects(recorded as Fields, live as Fields, narrow, at);
  }
  if (at.endsWith('decided') && recorded === 'waiting') return undefined;
  return recorded === live ? undefined : `${where} is ${show(live)}, not ${show(recorded)}`;
}

type Fields = Readonly<Record<string, unknown>>;

function differenceOfObjects(recorded: Fields, live: Fields, narrow: boolean, at: string): string | undefined {
  for (const [key, value] of Object.entries(recorded)) {
    const difference = differenceOf(value, live[key], narrow, `${at}.${key}`);
    if (difference !== undefined) return difference;
  }
  for (const [key, value] of Object.entries(live)) {
    if (EXACT.has(key) && !(key in recorded)) return `${at}.${key} is ${show(value)}, and was not there`;
  }
  if (/\.(labels|annotations|var|environment_variables|options)$/.test(at)) {
    const more = Object.keys(live).find((key) => !(key in recorded));
    if (more !== undefined) return `${at}.${more} is ${show(live[more])}, and was not there`;
  }
  return undefined;
}

/** Order counts for nothing: things of the same second come in any. */
function differenceOfLists(
  recorded: readonly unknown[],
  live: readonly unknown[],
  narrow: boolean,
  at: string,
): string | undefined {
  const rest = [...live];
  // What says most first: of two that fit an item the one that says less leaves it to the other.
  const ordered = recorded.toSorted((a, b) => show(b).length - show(a).length);
  for (const [index, item] of ordered.entries()) {
    const differences = rest.map((candidate) => differenceOf(item, candidate, narrow, `${at}[${index}]`));
    const found = differences.indexOf(undefined);
    if (found < 0) return differences[0] ?? `${at} lacks ${show(item)}`;
    rest.splice(found, 1);
  }
  return narrow && rest.length > 0
    ? `${at} has ${live.length} items, not ${recorded.length}: ${show(rest[0])}`
    : undefined;
}

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'missing';
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
};

/** Whether a list is of what its request names, so that its number of items is the flow's own. */
export function isNarrow(path: string): boolean {
  const [pathname = '', query = ''] = path.split('?');
  if (/audit_events|\/domains$|_security_groups$|api\/v1/.test(pathname)) return false;
  return (
    /(^|&)(names|usernames|hosts|guids|[a-z_]+_guids|versions|sequence_ids)=./.test(query) ||
    /[0-9a-f-]{36}|\{/.test(pathname)
  );
}
