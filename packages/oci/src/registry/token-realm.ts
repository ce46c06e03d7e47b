import { printable } from '../printable.ts';
import type { Challenge } from './challenge.ts';
import type { Endpoint } from './endpoint.ts';
import { type Ask, RegistryError } from './registry-error.ts';
import { sameSite } from './same-site.ts';

/** A token server, checked, and what to ask of it. */
export interface TokenRealm {
  readonly url: URL;
  readonly service: string | undefined;
  /** One for each repository, the first for the one that is asked. */
  readonly scopes: readonly string[];
}

/** What a token is wanted for. */
export interface TokenAccess {
  readonly actions: 'pull' | 'pull,push' | 'delete' | 'catalog';
  /** Other repositories of the registry that blobs are taken over from (cross-repository mounts). */
  readonly mountFrom?: readonly string[];
}

/**
 * Decides whether the token server of a Bearer challenge may be asked, and for what.
 *
 * The registry names the server, so a hostile registry names any (go-containerregistry#2193): it has to be https unless
 * the registry itself is plain http, without user info, and credentials go to it only when it belongs to the registry's
 * site or to the operator's list. Where its address may be is checked when the socket is opened.
 *
 * The scope asked for is what is needed and no more. A challenge that wants another repository, or more than pulling,
 * would make the user's credentials vouch for it.
 *
 * @throws RegistryError TOKEN_REALM_REFUSED
 */
export function tokenRealm(
  challenge: Challenge,
  context: {
    readonly ask: Ask;
    readonly endpoint: Endpoint;
    readonly repository: string;
    readonly access: TokenAccess;
    readonly withCredentials: boolean;
    readonly trustedTokenHosts: readonly string[];
  },
): TokenRealm {
  const { ask, endpoint, withCredentials } = context;
  const { realm = '', service, scope } = challenge.params;
  const shown = printable(realm.replace(/\?.*$/s, '').replace(/\/\/[^/]*@/, '//'));
  const refuse = (reason: string): RegistryError =>
    new RegistryError('TOKEN_REALM_REFUSED', ask, `it names the token server ${JSON.stringify(shown)}, ${reason}`, {
      status: 401,
      details: { realm: shown },
    });
  if (!URL.canParse(realm)) {
    throw refuse('which is not a URL');
  }
  const url = new URL(realm);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && endpoint.plain)) {
    throw refuse('which is not https');
  }
  if (url.username !== '' || url.password !== '') {
    throw refuse('which has user info in it');
  }
  const registryHost = new URL(endpoint.origin).hostname;
  if (withCredentials && !sameSite(registryHost, url.hostname) && !context.trustedTokenHosts.includes(url.hostname)) {
    throw refuse(`which is no part of ${registryHost}'s site: the credentials are not sent there`);
  }
  url.hash = '';
  return { url, service, scopes: wantedScopes(context.repository, context.access, scope) };
}

const MAX_SCOPE = 256;

/** `repository:<name>:pull` and the like, none for the registry itself, or a scope in words of the registry's own (`aws` of public.ecr.aws). */
function wantedScopes(repository: string, access: TokenAccess, challenged: string | undefined): readonly string[] {
  if (challenged !== undefined && challenged.length <= MAX_SCOPE && /^[\w./-]+$/.test(challenged)) {
    return [challenged];
  }
  if (repository === '') return access.actions === 'catalog' ? ['registry:catalog:*'] : [];
  const sources = (access.mountFrom ?? []).filter((source) => source !== repository);
  return [`repository:${repository}:${access.actions}`, ...sources.map((source) => `repository:${source}:pull`)];
}
