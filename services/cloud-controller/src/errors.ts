import { CodedError, type ErrorKind } from '@slipway/service-kit';

interface ErrorEntry {
  /** Cloud Foundry's number. */
  readonly code: number;
  readonly status: number;
  /** `%s` is replaced by what is particular to the case. */
  readonly message: string;
  readonly kind: ErrorKind;
  /** For docs/errors.md. */
  readonly meaning: string;
}

/** The errors of the API: names, numbers, statuses and texts are cloud_controller_ng's (`errors/v2.yml`, `v3.yml`). */
export const errorTable = {
  InvalidAuthToken: {
    code: 1000,
    status: 401,
    message: 'Invalid Auth Token',
    kind: 'unauthenticated',
    meaning: 'The token is malformed, expired, meant for someone else, or not signed by uaa. Log in again.',
  },
  MessageParseError: {
    code: 1001,
    status: 400,
    message: 'Request invalid due to parse error: %s',
    kind: 'invalid',
    meaning: 'The body is not what its content type says.',
  },
  NotFound: {
    code: 10000,
    status: 404,
    message: 'Unknown request',
    kind: 'not-found',
    meaning: 'There is no such endpoint.',
  },
  UnknownError: {
    code: 10001,
    status: 500,
    message: 'An unknown error occurred.',
    kind: 'internal',
    meaning: 'A fault of Slipway; the log of cloud-controller has it under the id of the header X-Vcap-Request-Id.',
  },
  NotAuthenticated: {
    code: 10002,
    status: 401,
    message: 'Authentication error',
    kind: 'unauthenticated',
    meaning: 'The request has no token.',
  },
  NotAuthorized: {
    code: 10003,
    status: 403,
    message: 'You are not authorized to perform the requested action',
    kind: 'forbidden',
    meaning: 'Your roles let you see this but not do that.',
  },
  InvalidRequest: {
    code: 10004,
    status: 400,
    message: 'The request is invalid: %s',
    kind: 'invalid',
    meaning: 'The request cannot be carried out as it is; the text says why.',
  },
  BadQueryParameter: {
    code: 10005,
    status: 400,
    message: 'The query parameter is invalid: %s',
    kind: 'invalid',
    meaning: 'A query parameter is unknown or has an impossible value.',
  },
  InsufficientScope: {
    code: 10007,
    status: 403,
    message: 'Your token lacks the necessary scopes to access this resource.',
    kind: 'forbidden',
    meaning: 'The token has neither cloud_controller.read nor .write, whichever is needed.',
  },
  UnprocessableEntity: {
    code: 10008,
    status: 422,
    message: '%s',
    kind: 'invalid',
    meaning: 'The body is well-formed but asks for something impossible; the text names each field.',
  },
  ResourceNotFound: {
    code: 10010,
    status: 404,
    message: '%s',
    kind: 'not-found',
    meaning: 'It does not exist, or your roles do not let you see it.',
  },
  ServiceUnavailable: {
    code: 10015,
    status: 503,
    message: '%s',
    kind: 'unavailable',
    meaning: 'A part of the platform does not answer now; try again.',
  },
  UaaUnavailable: {
    code: 20004,
    status: 503,
    message: 'The UAA service is currently unavailable',
    kind: 'unavailable',
    meaning: 'The keys that tokens are checked with cannot be fetched.',
  },
  StagingError: {
    code: 170001,
    status: 400,
    message: 'Staging error: %s',
    kind: 'invalid',
    meaning: 'In `build.error`: staging failed; the text names the step and the cause.',
  },
  StagingTimeExpired: {
    code: 170007,
    status: 504,
    message: 'Staging time expired: %s',
    kind: 'timeout',
    meaning: 'In `build.error`: no stager had a result within the staging timeout.',
  },
  StagingInProgress: {
    code: 170017,
    status: 422,
    message: 'Only one build can be STAGING at a time per application.',
    kind: 'conflict',
    meaning: 'Wait for the build that is under way.',
  },
  InstancesUnavailable: {
    code: 220002,
    status: 503,
    message: 'Instances information unavailable: %s',
    kind: 'unavailable',
    meaning: 'What runs is not known yet: NATS has not been reached since the start.',
  },
  FeatureDisabled: {
    code: 330002,
    status: 403,
    message: 'Feature Disabled: %s',
    kind: 'forbidden',
    meaning: 'An administrator has switched this feature flag off.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorName = keyof typeof errorTable;

/** An error that the API answers with. */
export class ApiError extends CodedError {
  readonly status: number;
  /** As Cloud Foundry's error bodies have it. */
  readonly body: { readonly code: number; readonly title: string; readonly detail: string };

  constructor(name: ErrorName, text = '', options: { readonly cause?: unknown } = {}) {
    const entry: ErrorEntry = errorTable[name];
    const detail = entry.message.replace('%s', () => text);
    super(`CF-${name}`, entry.kind, detail, options);
    this.status = entry.status;
    this.body = { code: entry.code, title: `CF-${name}`, detail };
  }
}

/** `ResourceNotFound` with the text that the cf CLI looks for, e.g. `App not found`. */
export function notFound(resource: string): ApiError {
  return new ApiError('ResourceNotFound', `${resource} not found`);
}

/** 422 with Cloud Foundry's way of joining several texts. */
export function unprocessable(...texts: readonly string[]): ApiError {
  return new ApiError('UnprocessableEntity', texts.join(', '));
}
