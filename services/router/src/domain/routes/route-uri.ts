import { consistsOf, hostChars, targetChars } from '../http/char-classes.ts';

/** A registered route taken apart. Lookup ignores the letter case of the path, too, as Gorouter does. */
export interface RouteUri {
  /** Normalised: lower case, no query, no slash at the end. */
  readonly key: string;
  /** `example.com`, or `*.example.com`. */
  readonly host: string;
  /** The path's parts between slashes, lower case. */
  readonly segments: readonly string[];
  /** The path in its own letter case; `/` when there is none. */
  readonly contextPath: string;
}

/** Undefined when the text is no route: no host, or characters that no host or path has. */
export function parseRouteUri(uri: string): RouteUri | undefined {
  const withoutQuery = trimSlashes(uri.split('?', 1)[0] ?? '');
  const slash = withoutQuery.indexOf('/');
  const authority = slash < 0 ? withoutQuery : withoutQuery.slice(0, slash);
  const path = slash < 0 ? '' : withoutQuery.slice(slash);
  const host = hostKey(authority);
  const name = host.startsWith('*.') ? host.slice(2) : host;
  if (!consistsOf(name, hostChars) || name.includes('*')) return undefined;
  if (path !== '' && !consistsOf(path, targetChars)) return undefined;
  return { key: `${host}${path.toLowerCase()}`, host, segments: pathSegments(path), contextPath: path || '/' };
}

/** The host a lookup is made with: without the port, in lower case. */
export function hostKey(authority: string): string {
  // An IPv6 literal keeps its brackets and its colons.
  const end = authority.startsWith('[') ? authority.indexOf(']') + 1 : authority.indexOf(':');
  return (end > 0 ? authority.slice(0, end) : authority).toLowerCase();
}

/** `/Foo/bar/` and `/Foo/bar` give `foo`, `bar`. An empty part in the middle is a part of its own. */
export function pathSegments(path: string): string[] {
  const trimmed = trimSlashes(path);
  return trimmed === '' ? [] : trimmed.slice(1).toLowerCase().split('/');
}

function trimSlashes(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0x2f) end--;
  return end === text.length ? text : text.slice(0, end);
}
