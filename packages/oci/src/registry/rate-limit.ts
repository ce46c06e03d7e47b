/** What a registry's headers say of how much it lets one do. Each is absent when they do not say it. */
export interface RateLimit {
  /** Requests (pulls, at the hub) allowed in a window. */
  readonly limit?: number;
  readonly remaining?: number;
  /** Length of the window. */
  readonly windowMs?: number;
  /** From now until there are more. */
  readonly resetMs?: number;
}

/** Real headers have some twenty bytes; more is not worth a look. */
const MAX_HEADER = 256;
/** A "seconds until" of more than this (thirty years) is a date in seconds since 1970, as GitLab and GitHub send it. */
const EPOCH_S = 1_000_000_000;
/** No window is longer than a year; what claims to be is nonsense and left out. */
const MAX_MS = 366 * 24 * 3600 * 1000;

/**
 * Reads the rate-limit headers in the forms that registries use: Docker Hub's `ratelimit-limit: 100;w=21600` and
 * `ratelimit-remaining`, GitLab's and GitHub's (`x-`)`ratelimit-*`, and the IETF draft's `RateLimit: "x";r=5;t=30` with
 * `RateLimit-Policy: "x";q=100;w=60`. Undefined when there is nothing to be read. `now` in milliseconds since 1970.
 */
export function parseRateLimit(header: (name: string) => string | undefined, now: number): RateLimit | undefined {
  const read = (name: string): string | undefined => {
    const text = header(name)?.trim();
    return text !== undefined && text.length <= MAX_HEADER ? text : undefined;
  };
  const either = (name: string): string | undefined => read(`ratelimit-${name}`) ?? read(`x-ratelimit-${name}`);
  const [state, policy] = [parameters(read('ratelimit')), parameters(read('ratelimit-policy'))];
  const [limited, left] = [either('limit'), either('remaining')];
  const limit = leadingNumber(limited) ?? state.get('limit') ?? policy.get('q');
  const remaining = leadingNumber(left) ?? state.get('r') ?? state.get('remaining');
  const windowS = parameters(limited).get('w') ?? parameters(left).get('w') ?? policy.get('w');
  const resetS = leadingNumber(either('reset')) ?? state.get('t') ?? state.get('reset');
  const resetMs = resetS === undefined ? undefined : resetS > EPOCH_S ? resetS * 1000 - now : resetS * 1000;
  const found = {
    ...(limit === undefined ? {} : { limit }),
    ...(remaining === undefined ? {} : { remaining }),
    ...duration('windowMs', windowS === undefined ? undefined : windowS * 1000),
    ...duration('resetMs', resetMs),
  };
  return limit === undefined && remaining === undefined ? undefined : found;
}

/** In words: `76 of 100 requests in 6 h are left`. */
export function describeRateLimit({ limit, remaining, windowMs, resetMs }: RateLimit): string {
  const window = windowMs === undefined ? '' : ` in ${describeDuration(windowMs)}`;
  const more = resetMs === undefined ? '' : `, more come in ${describeDuration(resetMs)}`;
  if (remaining === undefined) return `it allows ${limit} requests${window}${more}`;
  return `${remaining}${limit === undefined ? '' : ` of ${limit}`} requests${window} are left${more}`;
}

/** `6 h`, `90 s`, `5 min`: rounded up, for it is waited for. */
export function describeDuration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds > 7200 || (seconds > 0 && seconds % 3600 === 0)) return `${Math.ceil(seconds / 3600)} h`;
  return seconds > 120 ? `${Math.ceil(seconds / 60)} min` : `${seconds} s`;
}

function leadingNumber(text: string | undefined): number | undefined {
  const digits = /^(\d{1,12})(?=$|[;,\s])/.exec(text ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The `name=number` pairs, wherever they are; the first of a name counts. */
function parameters(text: string | undefined): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const [, name = '', digits] of (text ?? '').matchAll(/(?:^|[;,\s])([a-z]{1,16})=(\d{1,12})(?=$|[;,\s])/g)) {
    if (!found.has(name)) found.set(name, Number(digits));
  }
  return found;
}

function duration<K extends string>(name: K, ms: number | undefined): { readonly [key in K]?: number } {
  const usable = ms !== undefined && ms <= MAX_MS;
  return (usable ? { [name]: Math.max(0, ms) } : {}) as { readonly [key in K]?: number };
}
