import { z } from 'zod';

export const grantTypes = ['password', 'client_credentials', 'refresh_token', 'authorization_code'] as const;
export type GrantType = (typeof grantTypes)[number];

/** Clients that each start makes as they are in this release. */
export const platformClients: readonly string[] = ['cf', 'cloud_controller'];

/** What may ask for tokens: cf for its users, or a program for itself. */
export interface OauthClient {
  readonly clientId: string;
  /** Null: a public client, whose secret is empty. */
  readonly secretHash: string | null;
  readonly grantTypes: readonly GrantType[];
  /** What it may act for on behalf of users. */
  readonly scopes: readonly string[];
  /** What it may do itself. */
  readonly authorities: readonly string[];
  readonly createdAt: string;
}

const MAX_NAMES = 100;
const nameList = z
  .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,255}$/, 'expected a scope (RFC 6749 3.3)'))
  .max(MAX_NAMES);

const createSchema = z.looseObject({
  client_id: z.string().regex(/^[A-Za-z0-9_.@-]{1,255}$/, 'expected 1 to 255 of letters, digits and "_.@-"'),
  client_secret: z.string().max(255).default(''),
  authorized_grant_types: z.array(z.enum(grantTypes)).min(1),
  scope: nameList.default([]),
  authorities: nameList.default([]),
});

export interface NewClient extends Omit<OauthClient, 'secretHash' | 'createdAt'> {
  readonly secret: string;
}

export type NewClientResult =
  | { readonly outcome: 'valid'; readonly client: NewClient }
  | { readonly outcome: 'invalid'; readonly description: string };

/** The body of `POST /oauth/clients`. */
export function parseNewClient(body: unknown): NewClientResult {
  const result = createSchema.safeParse(body);
  if (!result.success) {
    const description = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
    return { outcome: 'invalid', description };
  }
  const { client_id: clientId, client_secret: secret, authorized_grant_types, scope, authorities } = result.data;
  if (authorized_grant_types.includes('client_credentials') && secret === '') {
    return { outcome: 'invalid', description: 'client_secret is required for client_credentials' };
  }
  return {
    outcome: 'valid',
    client: {
      clientId,
      secret,
      grantTypes: [...new Set(authorized_grant_types)],
      scopes: [...new Set(scope)],
      authorities: [...new Set(authorities)],
    },
  };
}

const secretSchema = z.looseObject({ secret: z.string().min(1).max(255), oldSecret: z.string().max(255).optional() });

/** The body of `PUT /oauth/clients/:id/secret`; undefined when it is none. */
export function parseNewSecret(body: unknown): { readonly secret: string; readonly oldSecret: string } | undefined {
  const result = secretSchema.safeParse(body);
  return result.success ? { secret: result.data.secret, oldSecret: result.data.oldSecret ?? '' } : undefined;
}

/** As UAA writes it; nothing of the secret. */
export function renderClient(client: OauthClient): Record<string, unknown> {
  return {
    client_id: client.clientId,
    scope: client.scopes,
    authorities: client.authorities,
    authorized_grant_types: client.grantTypes,
    resource_ids: ['none'],
    autoapprove: [],
    lastModified: Date.parse(client.createdAt),
  };
}
