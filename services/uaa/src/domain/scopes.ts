/** Of every user (cf-deployment's default groups, those that mean something here). */
export const userGroups: readonly string[] = [
  'cloud_controller.read',
  'cloud_controller.write',
  'openid',
  'password.write',
  'scim.me',
  'uaa.user',
];

/** What the first admin has besides (cf-deployment's admin user). */
export const adminGroups: readonly string[] = [
  'clients.read',
  'clients.write',
  'cloud_controller.admin',
  'doppler.firehose',
  'scim.read',
  'scim.write',
  'uaa.admin',
];

/** Groups of the platform that the first admin is not in. */
export const platformGroups: readonly string[] = [
  'clients.admin',
  'cloud_controller.admin_read_only',
  'cloud_controller.global_auditor',
  'groups.update',
  'scim.create',
  'tokens.revoke',
];

/** What cf may act for: as in cf-deployment, and clients.write, for there is no other tool that makes clients. */
export const cfClientScopes: readonly string[] = [...userGroups, ...adminGroups, ...platformGroups];

export type ScopeResult =
  | { readonly outcome: 'granted'; readonly scopes: readonly string[] }
  | { readonly outcome: 'refused'; readonly description: string };

/**
 * The scopes of a token: those that the owner has and the client may use, of them the ones asked for (RFC 6749 3.3).
 * What was asked for and cannot be given is left out, as UAA does, unless nothing remains.
 */
export function grantScopes(
  owned: readonly string[],
  usable: readonly string[],
  requested: readonly string[] | undefined,
): ScopeResult {
  const usableSet = new Set(usable);
  const wanted = requested === undefined || requested.length === 0 ? undefined : new Set(requested);
  const scopes = [...new Set(owned)].filter((scope) => usableSet.has(scope) && (wanted?.has(scope) ?? true)).toSorted();
  if (scopes.length > 0) return { outcome: 'granted', scopes };
  const asked = wanted === undefined ? '' : `[${[...wanted].join(', ')}] is invalid. `;
  return { outcome: 'refused', description: `${asked}This user is not allowed any of the requested scopes` };
}

/** A space-separated list; empty parts are none. */
export function parseScopes(text: string): string[] {
  return text.split(' ').filter((scope) => scope !== '');
}

/** UAA's audience: the client, and of each scope the part before its last dot. */
export function audience(scopes: readonly string[], clientId: string): string[] {
  const prefixes = scopes.map((scope) => (scope.includes('.') ? scope.slice(0, scope.lastIndexOf('.')) : scope));
  return [...new Set([clientId, ...prefixes])].filter((name) => name !== '').toSorted();
}
