import { isIP, isIPv6 } from 'node:net';

/** A host that is spoken to. */
export interface HostTarget {
  /** Lower case; IPv6 without brackets, in its canonical form. */
  readonly host: string;
  readonly port: number;
}

/** One or several hosts: `registry.example`, `registry.example:5000`, `*.example`, `[fd00::1]:5000`. */
export interface HostPattern {
  readonly text: string;
  /** Of a wildcard what follows the `*.` */
  readonly host: string;
  /** Any name below `host`, not `host` itself. */
  readonly wildcard: boolean;
  /** Absent: any. */
  readonly port: number | undefined;
}

const HTTPS_PORT = 443;
const LABEL = '[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?';
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const MAX_NAME = 253;

/** What a pattern may look like, for the errors. */
export const HOST_PATTERN_FORM = 'host, host:port, *.domain or *.domain:port, without a scheme or a path';

/** Undefined when the text is no pattern. */
export function parseHostPattern(text: string): HostPattern | undefined {
  const match = /^(\*\.)?(\[[^\]]*\]|[^:[\]]*)(?::(\d{1,5}))?$/.exec(text);
  const [, star, written = '', digits] = match ?? [];
  const host = match === null ? undefined : parseHost(written);
  const port = digits === undefined ? undefined : Number(digits);
  if (host === undefined || (port !== undefined && (port < 1 || port > 65_535))) {
    return undefined;
  }
  const wildcard = star !== undefined;
  // `*.10.0.0.1` names nothing; networks are written as such.
  return wildcard && isIP(host) !== 0 ? undefined : { text, host, wildcard, port };
}

function parseHost(written: string): string | undefined {
  if (written.startsWith('[')) {
    const address = written.slice(1, -1);
    return isIPv6(address) && !address.includes('%') ? canonicalHost(address) : undefined;
  }
  const name = written.toLowerCase();
  // A last label of digits alone makes an IPv4 address or nothing (WHATWG URL), and `010.1` must not become another.
  const numeric = /(?:^|\.)\d+$/.test(name);
  return name.length <= MAX_NAME && NAME.test(name) && (!numeric || isIP(name) === 4) ? name : undefined;
}

/** One spelling for each host: IPv6 addresses have many. */
export function canonicalHost(host: string): string {
  const bare = host.startsWith('[') ? host.slice(1, -1) : host;
  return isIPv6(bare) ? new URL(`http://[${bare}]/`).hostname.slice(1, -1) : bare.toLowerCase();
}

/** The host of a registry as references have it (`docker.io`, `localhost:5000`, `[::1]:5000`). */
export function registryTarget(registry: string): HostTarget {
  const port = /:(\d+)$/.exec(registry)?.[1];
  const host = port === undefined ? registry : registry.slice(0, -port.length - 1);
  return { host: canonicalHost(host), port: port === undefined ? HTTPS_PORT : Number(port) };
}

/** The host of a connection. */
export function connectionTarget(protocol: string, hostname: string, port: string): HostTarget {
  const usual = protocol === 'http:' ? 80 : HTTPS_PORT;
  return { host: canonicalHost(hostname), port: port === '' ? usual : Number(port) };
}

export function matchesHost(pattern: HostPattern, { host, port }: HostTarget): boolean {
  return (
    (pattern.port === undefined || pattern.port === port) &&
    (pattern.wildcard ? host.endsWith(`.${pattern.host}`) && isIP(host) === 0 : host === pattern.host)
  );
}

/**
 * Which of two patterns that fit one host counts, best first: a name before a wildcard, a longer wildcard before a
 * shorter one, with a port before without.
 */
export function compareSpecificity(a: HostPattern, b: HostPattern): number {
  return (
    Number(a.wildcard) - Number(b.wildcard) ||
    b.host.length - a.host.length ||
    Number(a.port === undefined) - Number(b.port === undefined)
  );
}
