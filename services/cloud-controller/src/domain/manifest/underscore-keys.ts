export type UnderscoredResult =
  | { readonly outcome: 'normalized'; readonly value: unknown }
  | { readonly outcome: 'rejected'; readonly problems: readonly string[] };

/** Parts of an app whose own keys are manifest keys; everywhere else keys are the user's. */
const LISTS = ['processes', 'routes', 'sidecars', 'services'];

/** Manifest keys may be written with dashes or underscores. */
export function underscoreKeys(application: unknown): UnderscoredResult {
  const problems: string[] = [];
  const ofObject = (value: unknown): unknown => {
    if (!isObject(value)) return value;
    const result: Record<string, unknown> = {};
    for (const [key, content] of Object.entries(value)) {
      const name = key.replaceAll('-', '_');
      if (Object.hasOwn(result, name)) problems.push(`'${key}' is given twice`);
      // A key may be `__proto__`.
      Object.defineProperty(result, name, { value: content, enumerable: true, configurable: true, writable: true });
    }
    return result;
  };
  const app = ofObject(application);
  if (isObject(app)) {
    for (const name of LISTS) {
      const list = app[name];
      if (Array.isArray(list)) app[name] = list.map(ofObject);
    }
  }
  return problems.length > 0 ? { outcome: 'rejected', problems } : { outcome: 'normalized', value: app };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
