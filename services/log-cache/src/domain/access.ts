/** Who asks, by a token that was verified. */
export interface Caller {
  /** As it came; handed on to cloud-controller, and nowhere else. */
  readonly token: string;
  /** The claim `jti`. */
  readonly tokenId: string;
  readonly scopes: readonly string[];
}

export type TokenCheck =
  | { readonly outcome: 'valid'; readonly caller: Caller }
  | { readonly outcome: 'invalid'; readonly reason: string }
  | { readonly outcome: 'unavailable'; readonly cause: unknown };

/** `unknown` when whoever decides cannot be asked. */
export type Access =
  | { readonly outcome: 'allowed' }
  | { readonly outcome: 'denied' }
  | { readonly outcome: 'unknown'; readonly cause: unknown };

/** The first two are log-cache's own (cf-auth-proxy `uaa_client.go`); an admin of the platform may read all as well. */
const READS_ALL = new Set(['doppler.firehose', 'logs.admin', 'cloud_controller.admin']);

/** Whether a token reads every source without cloud-controller being asked. */
export function readsAll(caller: Caller): boolean {
  return caller.scopes.some((scope) => READS_ALL.has(scope));
}
