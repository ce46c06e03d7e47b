import { CodedError, type ErrorKind } from '@slipway/service-kit';

interface UaaErrorEntry {
  readonly kind: ErrorKind;
  /** HTTP status; what clients see comes from UAA, which cf tells apart by `error` and status. */
  readonly status: number;
  /** `error` in the body. */
  readonly error: string;
  readonly means: string;
}

/** Every error of uaa, and what it means for the one who reads it. */
export const uaaErrors = {
  REQUEST_INVALID: { kind: 'invalid', status: 400, error: 'invalid_request', means: 'The request is not well formed.' },
  GRANT_TYPE_UNSUPPORTED: {
    kind: 'invalid',
    status: 400,
    error: 'unsupported_grant_type',
    means: 'Tokens are given for password, client_credentials, refresh_token and authorization_code.',
  },
  SCOPE_INVALID: {
    kind: 'invalid',
    status: 400,
    error: 'invalid_scope',
    means: 'The token would have none of the wanted scopes.',
  },
  MEDIA_TYPE_UNSUPPORTED: {
    kind: 'invalid',
    status: 415,
    error: 'invalid_request',
    means: 'The body is in a format that this path does not read.',
  },
  CLIENT_REFUSED: {
    kind: 'unauthenticated',
    status: 401,
    error: 'invalid_client',
    means: 'The client is unknown, its secret wrong, or the grant not among those that it may use.',
  },
  CREDENTIALS_WRONG: {
    kind: 'unauthenticated',
    status: 401,
    error: 'unauthorized',
    means: 'User name or password is wrong.',
  },
  ACCOUNT_LOCKED: {
    kind: 'unauthenticated',
    status: 401,
    error: 'unauthorized',
    means: 'Five wrong passwords in an hour close an account for five minutes.',
  },
  TOKEN_INVALID: {
    kind: 'unauthenticated',
    status: 401,
    error: 'invalid_token',
    means: 'The token is expired, was revoked, or is not one of ours.',
  },
  SCOPE_INSUFFICIENT: {
    kind: 'forbidden',
    status: 403,
    error: 'insufficient_scope',
    means: 'The token lacks the scope that this path wants.',
  },
  PATH_UNKNOWN: { kind: 'not-found', status: 404, error: 'not_found', means: 'There is no such path.' },
  TOKEN_NOT_FOUND: {
    kind: 'not-found',
    status: 404,
    error: 'invalid_token',
    means: 'There is no such token to revoke.',
  },
  USER_NOT_FOUND: {
    kind: 'not-found',
    status: 404,
    error: 'scim_resource_not_found',
    means: 'There is no user with that id.',
  },
  USER_EXISTS: {
    kind: 'conflict',
    status: 409,
    error: 'scim_resource_already_exists',
    means: 'There is a user of that name; upper and lower case are the same.',
  },
  USER_INVALID: {
    kind: 'invalid',
    status: 400,
    error: 'invalid_scim_resource',
    means: 'The user that is to be made lacks something, or has what cannot be.',
  },
  USER_CHANGED: {
    kind: 'conflict',
    status: 409,
    error: 'scim',
    means: 'The user is not the one that was read before: read it again.',
  },
  GROUP_NOT_FOUND: {
    kind: 'not-found',
    status: 404,
    error: 'scim_resource_not_found',
    means: 'There is no group of that name, or the user is not in it.',
  },
  GROUP_EXISTS: {
    kind: 'conflict',
    status: 409,
    error: 'scim_resource_already_exists',
    means: 'There is a group of that name.',
  },
  GROUP_INVALID: {
    kind: 'invalid',
    status: 400,
    error: 'invalid_scim_resource',
    means: 'The group cannot be so, or not be changed so.',
  },
  MEMBER_EXISTS: {
    kind: 'conflict',
    status: 409,
    error: 'member_already_exists',
    means: 'The user is in the group.',
  },
  CODE_INVALID: {
    kind: 'invalid',
    status: 400,
    error: 'invalid_grant',
    means: 'A one-time code was used before, has expired, or is for another client.',
  },
  FILTER_INVALID: { kind: 'invalid', status: 400, error: 'scim', means: 'The SCIM filter cannot be understood.' },
  PASSWORD_INVALID: {
    kind: 'invalid',
    status: 422,
    error: 'invalid_password',
    means: 'The new password cannot be used, or the old one is missing.',
  },
  CLIENT_NOT_FOUND: { kind: 'not-found', status: 404, error: 'not_found', means: 'There is no client with that id.' },
  CLIENT_EXISTS: { kind: 'conflict', status: 409, error: 'invalid_client', means: 'There is a client with that id.' },
  CLIENT_INVALID: {
    kind: 'invalid',
    status: 400,
    error: 'invalid_client',
    means: 'The client that is to be made lacks something, or has what cannot be.',
  },
  BUSY: {
    kind: 'exhausted',
    status: 503,
    error: 'temporarily_unavailable',
    means: 'More passwords wait to be checked than can be in good time: try again.',
  },
  STORAGE_FULL: {
    kind: 'exhausted',
    status: 503,
    error: 'temporarily_unavailable',
    means: 'The disk of the database is full, and nothing was changed. Make room; then the same request will do.',
  },
  FAILED: { kind: 'internal', status: 500, error: 'server_error', means: 'A fault of uaa; its log says which.' },
  ENCRYPTION_KEY_WRONG: {
    kind: 'internal',
    status: 500,
    error: 'server_error',
    means: 'What is encrypted in the database was not made with this ENCRYPTION_KEY.',
  },
} as const satisfies Record<string, UaaErrorEntry>;

export type UaaErrorCode = keyof typeof uaaErrors;

/** Its message goes to the client as `error_description`. */
export class UaaError extends CodedError {
  readonly status: number;
  /** As OAuth 2 and UAA name it. */
  readonly error: string;

  constructor(
    code: UaaErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(code, uaaErrors[code].kind, message, options);
    this.status = uaaErrors[code].status;
    this.error = uaaErrors[code].error;
  }
}
