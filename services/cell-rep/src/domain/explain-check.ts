import type { HealthCheck, ReadinessCheck } from '@slipway/contracts';

/** Where something in a container accepts connections. */
export interface Listener {
  readonly address: string;
  readonly port: number;
}

/** Of a list that nobody reads to its end. */
const MAX_LISTED = 5;
const EVERYWHERE = new Set(['0.0.0.0', '::']);

/**
 * What a failed check is told with, after its last error: which check it was, where, and what listens instead of what was
 * expected to. `listeners` is undefined when that is not known.
 */
export function explainCheck(
  check: HealthCheck | ReadinessCheck,
  { address, ports }: { readonly address: string; readonly ports: readonly number[] },
  listeners: readonly Listener[] | undefined,
): string {
  const checked = check.type === 'http' ? ports.slice(0, 1) : ports;
  const where = checked.map((port) => `${address}:${port}`).join(', ');
  const what =
    check.type === 'http' ? `http check of ${check.endpoint} at ${where}` : `${check.type} check at ${where}`;
  const instead = listeners === undefined ? undefined : whatListens(address, checked, listeners);
  return instead === undefined ? `(${what})` : `(${what}; ${instead})`;
}

/** Undefined when all that is expected listens: then the error says more. */
function whatListens(address: string, expected: readonly number[], listeners: readonly Listener[]): string | undefined {
  const reachable = listeners.filter((each) => EVERYWHERE.has(each.address) || each.address === address);
  const missing = expected.filter((port) => !reachable.some((each) => each.port === port));
  if (missing.length === 0) return undefined;
  const hidden = listeners.find(({ port, address: at }) => missing.includes(port) && !EVERYWHERE.has(at));
  if (hidden !== undefined) {
    return `the app listens on ${show(hidden)} only, where nothing outside of its container reaches it: it has to listen on 0.0.0.0`;
  }
  const found = [...new Set(reachable.map(({ port }) => port))].sort((a, b) => a - b);
  if (found.some((port) => expected.includes(port))) {
    return `the app listens on ${list(found)} and not on ${list(missing)}: each port of it is checked`;
  }
  return `the app listens on ${found.length === 0 ? 'no port' : list(found)}, expected ${list(missing)}`;
}

function show({ address, port }: Listener): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function list(ports: readonly number[]): string {
  const listed = ports.slice(0, MAX_LISTED).map(String);
  if (ports.length > MAX_LISTED) return `${listed.join(', ')} and others`;
  return listed.length < 2 ? listed.join('') : `${listed.slice(0, -1).join(', ')} and ${listed.at(-1)}`;
}
