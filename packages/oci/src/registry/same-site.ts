import { isIP } from 'node:net';

/**
 * Second-level names under which registrars sell (`co.uk`, `com.au`). A full public suffix list would be exact; this is
 * only used to decide which token servers may get the credentials of a registry that chose the server itself.
 */
const SHARED_SECOND_LEVEL: ReadonlySet<string> = new Set(['ac', 'co', 'com', 'edu', 'gov', 'mil', 'net', 'org']);

/** Whether two hosts belong together: the same host, or names under one registered domain (`auth.docker.io`, `registry-1.docker.io`). */
export function sameSite(a: string, b: string): boolean {
  const [first, second] = [a.toLowerCase(), b.toLowerCase()];
  return first === second || (site(first) !== undefined && site(first) === site(second));
}

/** `gitlab.com` of `registry.gitlab.com`; undefined for addresses and single names. */
function site(host: string): string | undefined {
  if (isIP(host) !== 0 || host.startsWith('[')) {
    return undefined;
  }
  const labels = host.replace(/\.$/, '').split('.');
  const [second = '', top = ''] = labels.slice(-2);
  const wanted = top.length === 2 && SHARED_SECOND_LEVEL.has(second) ? 3 : 2;
  return labels.length >= wanted ? labels.slice(-wanted).join('.') : undefined;
}
