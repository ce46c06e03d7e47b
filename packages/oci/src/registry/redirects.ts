import { printable } from '../printable.ts';
import type { Endpoint } from './endpoint.ts';
import { MAX_REDIRECTS } from './limits.ts';
import { type Ask, printableUrl, RegistryError } from './registry-error.ts';
import type { Answer, Exchange, Transport } from './transport.ts';

/** A request that may be sent on to another host, as object stores behind registries want it. */
export interface RedirectableRequest {
  readonly ask: Ask;
  readonly endpoint: Endpoint;
  readonly url: URL;
  readonly method: Exchange['method'];
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Exchange['body'];
  readonly headersMs?: Exchange['headersMs'];
  /** Goes to the registry's own origin only (distribution-spec: it must not cross hosts). */
  readonly authorization: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onRedirect: (to: URL) => void;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Sends a request and follows its redirects by hand (those of GET and HEAD: a registry answers writes itself, and says in
 * a Location header of its own where an upload goes on): at most five, never from https to http, never to a URL with user
 * info, and without the authorization from the first foreign origin on, wherever the way leads after that.
 */
export async function followRedirects(transport: Transport, request: RedirectableRequest): Promise<Answer> {
  const { ask, endpoint, method, body, headersMs, signal } = request;
  const reads = method === 'GET' || method === 'HEAD';
  let { url, authorization } = request;
  for (let hops = 0; ; hops += 1) {
    const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) };
    const sent = { ask, url, method, headers, body, headersMs, signal, registryOrigin: endpoint.origin };
    const answer = await transport.exchange(sent);
    if (!REDIRECTS.has(answer.status)) {
      return answer;
    }
    answer.discard();
    if (!reads) {
      throw new RegistryError('REDIRECT_REFUSED', ask, `it answered ${answer.status}, a redirect of what is written`, {
        url,
        status: answer.status,
      });
    }
    if (hops === MAX_REDIRECTS) {
      throw new RegistryError('REDIRECT_REFUSED', ask, `it redirects more than ${MAX_REDIRECTS} times`, {
        url,
        status: answer.status,
      });
    }
    const target = placeToGo(answer, ask, endpoint);
    if (target.origin !== endpoint.origin) {
      authorization = undefined;
    }
    request.onRedirect(target);
    url = target;
  }
}

/**
 * Where the Location header of an answer leads: never from https to http, never to a URL with user info.
 *
 * @throws RegistryError REDIRECT_REFUSED
 */
export function placeToGo(answer: Answer, ask: Ask, endpoint: Pick<Endpoint, 'plain'>): URL {
  const { url: from, status } = answer;
  const location = answer.header('location') ?? '';
  const refuse = (detail: string): RegistryError =>
    new RegistryError('REDIRECT_REFUSED', ask, `it answered ${status} and ${detail}`, { url: from, status });
  if (location === '' || !URL.canParse(location, from)) {
    throw refuse('names no place to go to');
  }
  const target = new URL(location, from);
  if (target.protocol !== 'https:' && target.protocol !== 'http:') {
    throw refuse(`redirects to ${printable(target.protocol)}, which is not http`);
  }
  if (target.protocol === 'http:' && !(endpoint.plain && from.protocol === 'http:')) {
    throw refuse(`redirects from https to plain http (${printable(printableUrl(target))})`);
  }
  if (target.username !== '' || target.password !== '') {
    throw refuse('redirects to a URL with user info in it');
  }
  return target;
}
