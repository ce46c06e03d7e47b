import { type Digest, isDigest } from './digest.ts';
import { ReferenceSyntaxError } from './errors.ts';

/** Where an image is: always with a registry, as `docker pull` would understand it. */
export interface Reference {
  /** `host[:port]`, as written (`docker.io` for the hub's short names). */
  readonly registry: string;
  /** Without the registry: `library/nginx`. */
  readonly repository: string;
  readonly tag?: string;
  /** Wins over the tag when both are there. */
  readonly digest?: Digest;
}

export const HUB = 'docker.io';
const LEGACY_HUB = 'index.docker.io';
const OFFICIAL = 'library/';
const DEFAULT_TAG = 'latest';
/** distribution/reference `RepositoryNameTotalLengthMax`. */
const MAX_REPOSITORY = 255;
const MAX_TAG = 128;
/** DNS, RFC 1035. */
const MAX_HOST = 253;
/** Above host, port, repository, tag and digest together (~720): a pasted file is refused before it is looked at. */
const MAX_REFERENCE = 1024;

/**
 * Parses a reference by the grammar of distribution/reference with Docker's short names: `nginx`, `org/app:1`,
 * `localhost:5000/a/b@sha256:...`, `[::1]:5000/a:tag@sha256:...`. Stricter than the grammar in three points: sha256
 * digests only, ports of 1-65535, and hosts that mean in a URL what they say (`0x7f.1` would become 127.0.0.1).
 *
 * @throws ReferenceSyntaxError pointing at the offending character
 */
export function parseReference(input: string): Reference {
  if (input.length > MAX_REFERENCE) {
    throw new ReferenceSyntaxError(input, MAX_REFERENCE, `a reference of at most ${MAX_REFERENCE} characters`);
  }
  if (/^[0-9a-f]{64}$/.test(input)) {
    throw new ReferenceSyntaxError(input, 0, 'a repository name, not an image id');
  }
  checkNoScheme(input, 'a reference');
  const slash = input.indexOf('/');
  const first = slash === -1 ? '' : input.slice(0, slash);
  const hasRegistry = isRegistry(first);
  if (hasRegistry) {
    checkRegistry(input, slash);
  }
  const start = hasRegistry ? slash + 1 : 0;
  const nameEnd = scanRepository(input, start);
  let end = nameEnd;
  let tag: string | undefined;
  if (input[end] === ':') {
    const tagEnd = scanTag(input, end + 1);
    tag = input.slice(end + 1, tagEnd);
    end = tagEnd;
  }
  let digest: Digest | undefined;
  if (input[end] === '@') {
    digest = scanDigest(input, end + 1);
    end = input.length;
  }
  if (end !== input.length) {
    const next = tag === undefined ? '":", "@" or the end' : '"@" or the end';
    const within = tag === undefined ? 'a-z, 0-9, ".", "_", "-", "/", ' : 'A-Z, a-z, 0-9, "_", ".", "-", ';
    throw new ReferenceSyntaxError(input, end, within + next);
  }
  const registry = hasRegistry && first !== LEGACY_HUB ? first : HUB;
  const path = input.slice(start, nameEnd);
  const repository = registry === HUB && !path.includes('/') ? OFFICIAL + path : path;
  if (repository.length > MAX_REPOSITORY) {
    const fits = MAX_REPOSITORY - (repository.length - path.length);
    throw new ReferenceSyntaxError(input, start + fits, `a repository of at most ${MAX_REPOSITORY} characters`);
  }
  return { registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/**
 * Parses a registry alone, `host[:port]`, as it may stand in a reference. Gives it as references have it.
 *
 * @throws ReferenceSyntaxError pointing at the offending character
 */
export function parseRegistry(input: string): string {
  checkNoScheme(input, 'a registry');
  if (!isRegistry(input)) {
    throw new ReferenceSyntaxError(input, input.length, 'a registry: "localhost", or a host with a "." or a ":port"');
  }
  checkRegistry(input, input.length);
  return input === LEGACY_HUB ? HUB : input;
}

function checkNoScheme(input: string, what: string): void {
  const scheme = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.exec(input);
  if (scheme) {
    throw new ReferenceSyntaxError(input, scheme[0].length - 3, `${what} without a scheme`);
  }
}

/** The part before the first slash is a registry when it could not be a namespace of the hub. */
function isRegistry(first: string): boolean {
  return first === 'localhost' || /[.:]/.test(first) || first !== first.toLowerCase();
}

function checkRegistry(input: string, end: number): void {
  const hostEnd = input.startsWith('[') ? scanIpv6(input, end) : scanDomain(input, end);
  if (hostEnd > MAX_HOST) {
    throw new ReferenceSyntaxError(input, MAX_HOST, `a host name of at most ${MAX_HOST} characters`);
  }
  if (!input.startsWith('[') && urlHost(input.slice(0, hostEnd)) !== input.slice(0, hostEnd).toLowerCase()) {
    throw new ReferenceSyntaxError(input, 0, 'a host name or a dotted IPv4 address as the registry');
  }
  if (hostEnd === end) {
    return;
  }
  if (input[hostEnd] !== ':') {
    throw new ReferenceSyntaxError(input, hostEnd, 'a letter, a digit, "-", ".", ":" or "/" in the registry');
  }
  const port = /^[0-9]*/.exec(input.slice(hostEnd + 1, end))?.[0] ?? '';
  if (port === '' || hostEnd + 1 + port.length !== end) {
    throw new ReferenceSyntaxError(input, hostEnd + 1 + port.length, port === '' ? 'a port' : 'a digit or "/"');
  }
  if (Number(port) < 1 || Number(port) > 65_535) {
    throw new ReferenceSyntaxError(input, hostEnd + 1, 'a port of 1 to 65535');
  }
}

/** Reads dot-separated labels up to `end`; gives the offset after the last character that belongs to one. */
function scanDomain(input: string, end: number): number {
  let at = 0;
  for (;;) {
    const label = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/.exec(input.slice(at, end))?.[0];
    if (label === undefined) {
      throw new ReferenceSyntaxError(input, at, 'a letter or a digit in the registry');
    }
    at += label.length;
    if (at === end || input[at] !== '.') {
      return at;
    }
    at += 1;
  }
}

function urlHost(host: string): string | undefined {
  return URL.canParse(`https://${host}/`) ? new URL(`https://${host}/`).hostname : undefined;
}

function scanIpv6(input: string, end: number): number {
  const close = input.indexOf(']');
  if (close === -1 || close > end) {
    throw new ReferenceSyntaxError(input, end, '"]" after the IPv6 address');
  }
  const bad = /[^0-9A-Fa-f:]/.exec(input.slice(1, close));
  if (bad) {
    throw new ReferenceSyntaxError(input, 1 + bad.index, 'a hex digit or ":" in the IPv6 address');
  }
  if (!URL.canParse(`https://${input.slice(0, close + 1)}/`)) {
    throw new ReferenceSyntaxError(input, 1, 'an IPv6 address');
  }
  return close + 1;
}

/** Reads `component [/ component]*`; gives the offset after it. */
function scanRepository(input: string, start: number): number {
  let at = start;
  for (;;) {
    const component = /^[a-z0-9]+(?:(?:__|[._]|-+)[a-z0-9]+)*/.exec(input.slice(at))?.[0];
    if (component === undefined) {
      throw new ReferenceSyntaxError(input, at, 'a lower-case letter or a digit');
    }
    at += component.length;
    const separator = /^(?:__|[._]|-+)/.exec(input.slice(at))?.[0];
    if (separator !== undefined) {
      throw new ReferenceSyntaxError(
        input,
        at + separator.length,
        'a lower-case letter or a digit after the separator',
      );
    }
    if (/[A-Z]/.test(input[at] ?? '')) {
      throw new ReferenceSyntaxError(input, at, 'a lower-case repository name');
    }
    if (input[at] !== '/') {
      return at;
    }
    at += 1;
  }
}

function scanTag(input: string, start: number): number {
  const tag = /^\w[\w.-]*/.exec(input.slice(start))?.[0];
  if (tag === undefined) {
    throw new ReferenceSyntaxError(input, start, 'a tag: a letter, a digit or "_"');
  }
  if (tag.length > MAX_TAG) {
    throw new ReferenceSyntaxError(input, start + MAX_TAG, `a tag of at most ${MAX_TAG} characters`);
  }
  return start + tag.length;
}

function scanDigest(input: string, start: number): Digest {
  const algorithm = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*/.exec(input.slice(start))?.[0];
  if (algorithm !== 'sha256') {
    throw new ReferenceSyntaxError(input, start, 'the digest algorithm "sha256"');
  }
  const colon = start + algorithm.length;
  if (input[colon] !== ':') {
    throw new ReferenceSyntaxError(input, colon, '":" after the digest algorithm');
  }
  const text = input.slice(start);
  if (!isDigest(text)) {
    const hex = /^[0-9a-f]{0,64}/.exec(input.slice(colon + 1))?.[0] ?? '';
    const at = colon + 1 + hex.length;
    throw new ReferenceSyntaxError(
      input,
      at,
      hex.length === 64 ? 'the end after 64 hex digits' : '64 lower-case hex digits',
    );
  }
  return text;
}

/** `registry/repository[:tag][@digest]`; parses back to the same reference. */
export function formatReference(reference: Reference): string {
  return `${reference.registry}/${reference.repository}${suffix(reference)}`;
}

/** As people write it: without `docker.io/` and `library/`, and with nothing that it would not parse back to. */
export function familiarReference(reference: Reference): string {
  if (reference.registry !== HUB) {
    return formatReference(reference);
  }
  const short = reference.repository.startsWith(OFFICIAL) ? reference.repository.slice(OFFICIAL.length) : undefined;
  const name = short !== undefined && !short.includes('/') ? short : reference.repository;
  const first = name.slice(0, Math.max(name.indexOf('/'), 0));
  // `docker.io/a.b/c` must keep its registry, for `a.b` would be taken for one.
  const ambiguous = isRegistry(first) || /^[0-9a-f]{64}$/.test(name);
  return `${ambiguous ? `${HUB}/` : ''}${name}${suffix(reference)}`;
}

function suffix({ tag, digest }: Reference): string {
  return `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** The reference with `latest` when it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: DEFAULT_TAG } : reference;
}

/** What to ask the registry's manifest endpoint for: the digest, else the tag, else `latest`. */
export function manifestSelector(reference: Reference): string {
  return reference.digest ?? reference.tag ?? DEFAULT_TAG;
}

/** The same place by digest only: what runs after staging. */
export function atDigest(reference: Reference, digest: Digest): Reference {
  return { registry: reference.registry, repository: reference.repository, digest };
}
