import type { Secret } from '@slipway/service-kit';
import { z } from 'zod';
import { ApiError } from '../../errors.ts';

/** A user as uaa knows it. */
export interface DirectoryUser {
  readonly guid: string;
  readonly userName: string;
  readonly origin: string;
}

/** Who is behind a guid or a name. uaa is asked each time: users come, go and are renamed there. */
export interface UserDirectory {
  /** Those that there are. Throws ApiError UaaUnavailable. */
  byGuids(guids: readonly string[]): Promise<DirectoryUser[]>;
  /** Whatever the case of the names. `origins`: only of these, when there are any. Throws ApiError UaaUnavailable. */
  byNames(names: readonly string[], origins?: readonly string[]): Promise<DirectoryUser[]>;
  /** Those whose name contains one of the texts. Throws ApiError UaaUnavailable. */
  byPartOfName(parts: readonly string[], origins?: readonly string[]): Promise<DirectoryUser[]>;
}

export interface UserDirectoryOptions {
  readonly uaaUrl: string;
  readonly clientSecret: Secret;
  readonly now: () => Date;
}

const CLIENT_ID = 'cloud_controller';
const DEADLINE_MS = 5_000;
/** A token is not used in its last minute: uaa's clock may be ahead. */
const TOKEN_MARGIN_MS = 60_000;
/** So that the URL stays below 8 KiB, which every server takes. */
const BATCH = 50;
/** uaa's largest page. */
const PAGE = 500;

const tokenSchema = z.object({ access_token: z.string(), expires_in: z.number() });
const pageSchema = z.object({
  resources: z.array(z.object({ id: z.string(), userName: z.string(), origin: z.string() })),
  totalResults: z.int(),
});

export function createUserDirectory({ uaaUrl, clientSecret, now }: UserDirectoryOptions): UserDirectory {
  let token: { readonly value: string; readonly until: number } | undefined;

  const fetchToken = async (): Promise<string> => {
    const response = await fetch(`${uaaUrl}/oauth/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${CLIENT_ID}:${clientSecret.reveal()}`)}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    if (response.status !== 200) throw new Error(`POST /oauth/token answered ${response.status}`);
    const { access_token, expires_in } = tokenSchema.parse(await response.json());
    token = { value: access_token, until: now().getTime() + expires_in * 1_000 - TOKEN_MARGIN_MS };
    return access_token;
  };

  const ask = async (filter: string, startIndex: number): Promise<z.infer<typeof pageSchema>> => {
    const query = new URLSearchParams({ filter, count: String(PAGE), startIndex: String(startIndex) });
    const send = (bearer: string): Promise<Response> =>
      fetch(`${uaaUrl}/Users?${query.toString()}`, {
        headers: { authorization: `bearer ${bearer}` },
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
    let response = await send(token !== undefined && token.until > now().getTime() ? token.value : await fetchToken());
    // Its keys may have been changed since.
    if (response.status === 401) response = await send(await fetchToken());
    if (response.status !== 200) throw new Error(`GET /Users answered ${response.status}`);
    return pageSchema.parse(await response.json());
  };

  const find = async (terms: readonly string[], origins: readonly string[]): Promise<DirectoryUser[]> => {
    const ofOrigins =
      origins.length === 0 ? '' : ` and (${origins.map((name) => compare('origin', name)).join(' or ')})`;
    const found = new Map<string, DirectoryUser>();
    try {
      for (let start = 0; start < terms.length; start += BATCH) {
        const filter = `(${terms.slice(start, start + BATCH).join(' or ')})${ofOrigins}`;
        for (let index = 1; ; index += PAGE) {
          const page = await ask(filter, index);
          for (const { id, userName, origin } of page.resources) found.set(id, { guid: id, userName, origin });
          if (index + PAGE > page.totalResults) break;
        }
      }
    } catch (cause) {
      throw new ApiError('UaaUnavailable', '', { cause });
    }
    return [...found.values()];
  };

  return {
    byGuids: (guids) =>
      find(
        guids.map((guid) => compare('id', guid)),
        [],
      ),
    byNames: (names, origins = []) =>
      find(
        names.map((name) => compare('userName', name)),
        origins,
      ),
    byPartOfName: (parts, origins = []) =>
      find(
        parts.map((part) => compare('userName', part, 'co')),
        origins,
      ),
  };
}

/** SCIM writes texts as JSON does (RFC 7644 3.4.2.2). */
function compare(attribute: string, value: string, operator: 'eq' | 'co' = 'eq'): string {
  return `${attribute} ${operator} ${JSON.stringify(value)}`;
}
