import { manifestAccept } from '../media-types.ts';
import { type CredentialSource, givenCredentials } from './credential-source.ts';
import type { RegistryCredentials } from './credentials.ts';
import { MAX_ERROR_BYTES } from './limits.ts';
import type { Ask } from './registry-error.ts';
import type { RepositorySession } from './repository-session.ts';

/** What a registry made of a user name and password that it did not refuse. */
export interface LoginAnswer {
  /** False: it answers whoever asks, so that it never saw them. */
  readonly asked: boolean;
  /** Who was asked and what it answered, in words; holds no secret. */
  readonly detail: string;
}

/**
 * Logs in at `/v2/` (distribution-spec, "Determining support"), following the registry's challenge. Where a repository is
 * named, asks besides whether there is a manifest in it: that takes the right to pull, changes nothing, and counts
 * towards no rate limit, for it is a HEAD.
 *
 * @throws RegistryError when the registry refuses them, or cannot be asked
 */
export async function checkLogin(
  open: (repository: string, source: CredentialSource) => RepositorySession,
  login: {
    readonly registry: string;
    readonly repository: string | undefined;
    readonly credentials: RegistryCredentials;
    readonly signal: AbortSignal | undefined;
  },
): Promise<LoginAnswer> {
  const { registry, repository, credentials, signal } = login;
  const name = JSON.stringify(credentials.username);
  const source = new WatchedSource(
    givenCredentials(credentials),
    `it does not know the user ${name}, or the password is wrong`,
  );
  const ask: Ask = { phase: 'authentication', registry, what: `access as ${name}` };
  await open('', source).document(ask, { path: '' }, MAX_ERROR_BYTES, signal);
  let detail = `${registry} answered 200 to GET /v2/`;
  if (repository !== undefined) {
    source.reason = `the user ${name} may not pull from ${repository}`;
    const session = open(repository, source);
    const toRead: Ask = { phase: 'resolve', registry, what: `${repository}:latest as ${name}` };
    const headers = { accept: manifestAccept };
    const request = { method: 'HEAD', path: 'manifests/latest', headers, accept: [200, 404] } as const;
    const answer = await session.retrying(toRead, signal, () => session.send(toRead, request, signal));
    answer.discard();
    detail += ` and ${answer.status} to HEAD /v2/${repository}/manifests/latest`;
  }
  return source.used
    ? { asked: true, detail: `${detail} as ${name}` }
    : { asked: false, detail: `${detail} without asking who is there: it never looked at the user name and password` };
}

/** Tells whether anybody wanted the credentials, and whose fault it is when they are refused. */
class WatchedSource implements CredentialSource {
  readonly #source: CredentialSource;
  used = false;
  reason: string;

  constructor(source: CredentialSource, reason: string) {
    this.#source = source;
    this.reason = reason;
  }

  get key(): string {
    return this.#source.key;
  }

  get last(): RegistryCredentials | undefined {
    return this.#source.last;
  }

  describe(): string {
    return this.#source.describe();
  }

  blame(): string {
    return this.reason;
  }

  get(signal: AbortSignal | undefined): Promise<RegistryCredentials | undefined> {
    this.used = true;
    return this.#source.get(signal);
  }

  renew(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
}
