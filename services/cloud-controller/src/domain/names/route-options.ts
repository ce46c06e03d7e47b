/** What routers are told of a route, as it is kept and shown (API v3, "Route options"). */
export interface RouteOptions {
  readonly loadbalancing?: 'round-robin' | 'least-connection' | 'hash';
  readonly hash_header?: string;
  /** A number in text form. */
  readonly hash_balance?: string;
}

/** Null removes. */
export type RouteOptionsChange = { readonly [K in keyof RouteOptions]?: RouteOptions[K] | null };

export type RouteOptionsResult =
  | { readonly outcome: 'read'; readonly change: RouteOptionsChange }
  | { readonly outcome: 'rejected'; readonly faults: readonly RouteOptionFault[] };

/** One thing that is wrong with options, before it is put into words. */
export type RouteOptionFault =
  | { readonly kind: 'unknown'; readonly key: string }
  | { readonly kind: 'loadbalancing'; readonly value: unknown }
  | { readonly kind: 'other'; readonly text: string };

const MAX_HEADER = 128;
const MAX_BALANCE_TEXT = 16;
const MIN_BALANCE = 1.1;
const MAX_BALANCE = 10;
/** A field name that HTTP allows (RFC 9110, 5.1). */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** `hash` only where the feature flag `hash_based_routing` is on. */
export function balancingAlgorithms(hash: boolean): readonly string[] {
  return ['round-robin', 'least-connection', ...(hash ? ['hash'] : [])];
}

export function routeOptionKeys(hash: boolean): readonly string[] {
  return ['loadbalancing', ...(hash ? ['hash_header', 'hash_balance'] : [])];
}

/** Reads what a user gave (cloud_controller_ng `route_options_message.rb`). */
export function readRouteOptions(given: Readonly<Record<string, unknown>>, hash: boolean): RouteOptionsResult {
  const faults: RouteOptionFault[] = [];
  const known = routeOptionKeys(hash);
  for (const key of Object.keys(given)) if (!known.includes(key)) faults.push({ kind: 'unknown', key });
  const value = (key: string): unknown => (known.includes(key) && Object.hasOwn(given, key) ? given[key] : undefined);
  const [algorithm, header, balance] = [value('loadbalancing'), value('hash_header'), value('hash_balance')];
  if (algorithm != null && !balancingAlgorithms(hash).includes(algorithm as string)) {
    faults.push({ kind: 'loadbalancing', value: algorithm });
  }
  for (const text of [
    ...headerFaults(header),
    ...balanceFaults(balance),
    ...needlessFaults(algorithm, header, balance),
  ]) {
    faults.push({ kind: 'other', text });
  }
  if (faults.length > 0) return { outcome: 'rejected', faults };
  return {
    outcome: 'read',
    change: {
      ...(algorithm === undefined ? {} : { loadbalancing: algorithm as RouteOptions['loadbalancing'] | null }),
      ...(header === undefined ? {} : { hash_header: header as string | null }),
      ...(balance === undefined ? {} : { hash_balance: balance === null ? null : String(balance) }),
    } as RouteOptionsChange,
  };
}

function headerFaults(header: unknown): string[] {
  if (header == null) return [];
  if (typeof header === 'string' && header.length > MAX_HEADER)
    return [`Hash header must be at most ${MAX_HEADER} characters`];
  return typeof header === 'string' && FIELD_NAME.test(header)
    ? []
    : ['Hash header must be the name of an HTTP header'];
}

function balanceFaults(balance: unknown): string[] {
  if (balance == null) return [];
  // Not of anything: an object may have a `toString` of its own.
  const text = typeof balance === 'string' || typeof balance === 'number' ? String(balance) : '';
  if (text.length > MAX_BALANCE_TEXT) return [`Hash balance must be at most ${MAX_BALANCE_TEXT} characters`];
  const number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(number)) return ['Hash balance must be a numeric value'];
  const inRange = number === 0 || (number >= MIN_BALANCE && number <= MAX_BALANCE);
  return inRange ? [] : ['Hash balance must be either 0 or between 1.1 and 10.0'];
}

function needlessFaults(algorithm: unknown, header: unknown, balance: unknown): string[] {
  if (algorithm == null || algorithm === 'hash') return [];
  return [
    ...(header == null ? [] : ['Hash header can only be set when loadbalancing is hash']),
    ...(balance == null ? [] : ['Hash balance can only be set when loadbalancing is hash']),
  ];
}

/** As the API says it of a route's `options`. */
export function optionFaultText(fault: RouteOptionFault, hash: boolean): string {
  switch (fault.kind) {
    case 'unknown':
      return `Options Unknown field(s): '${fault.key}'`;
    case 'loadbalancing':
      return `Options Loadbalancing must be one of '${balancingAlgorithms(hash).join(', ')}' if present`;
    case 'other':
      return `Options ${fault.text}`;
  }
}

/** As manifests have it said of one of their routes. */
export function manifestOptionFaultText(fault: RouteOptionFault, route: string, hash: boolean): string {
  const algorithms = `Valid values are: '${balancingAlgorithms(hash).join(', ')}'`;
  switch (fault.kind) {
    case 'unknown':
      return `Route '${route}' contains invalid route option '${fault.key}'. Valid keys: '${routeOptionKeys(hash).join(', ')}'`;
    case 'loadbalancing':
      return typeof fault.value === 'string'
        ? `Cannot use loadbalancing value '${fault.value}' for Route '${route}'; ${algorithms}`
        : `Invalid value for 'loadbalancing' for Route '${route}'; ${algorithms}`;
    case 'other':
      return `Route '${route}': ${fault.text}`;
  }
}

/** Options after a change. What is only of use to `hash` goes with it. */
export function changedOptions(options: RouteOptions, change: RouteOptionsChange): RouteOptions {
  const merged = Object.entries({ ...options, ...change }).filter(([, value]) => value != null);
  const result: RouteOptions = Object.fromEntries(merged);
  if (result.loadbalancing === 'hash') return result;
  const { hash_header: _, hash_balance: __, ...rest } = result;
  return rest;
}

/** In Cloud Foundry's words; undefined when nothing is missing. */
export function missingOption(options: RouteOptions): string | undefined {
  return options.loadbalancing === 'hash' && options.hash_header === undefined
    ? 'Hash header must be present when loadbalancing is set to hash.'
    : undefined;
}
