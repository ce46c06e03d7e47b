import { UaaError } from '../errors.ts';
import type { Caller } from '../handlers/access-tokens.ts';

/** May do everything, as in UAA. */
export const ADMIN_SCOPE = 'uaa.admin';

/** Throws UaaError SCOPE_INSUFFICIENT unless the caller has one of the scopes, or is uaa's admin. */
export function requireScope(caller: Caller, ...scopes: readonly string[]): void {
  if (caller.scopes.has(ADMIN_SCOPE) || scopes.some((scope) => caller.scopes.has(scope))) return;
  throw new UaaError('SCOPE_INSUFFICIENT', 'Insufficient scope for this resource', { details: { scopes } });
}
