import { CodedError, type ErrorKind } from '@slipway/service-kit';

interface ErrorEntry {
  /** Cloud Foundry's number. */
  readonly code: number;
  readonly status: number;
  /** `%s` is replaced by what is particular to the case. */
  readonly message: string;
  readonly kind: ErrorKind;
  /** For docs/errors.md. */
  readonly means: string;
}

/** The errors of the API: names, numbers, statuses and texts are cloud_controller_ng's (`errors/v2.yml`, `v3.yml`). */
const apiErrors = {
  InvalidAuthToken: {
    code: 1000,
    status: 401,
    message: 'Invalid Auth Token',
    kind: 'unauthenticated',
    means: 'The token is malformed, expired, meant for someone else, or not signed by uaa. Log in again.',
  },
  MessageParseError: {
    code: 1001,
    status: 400,
    message: 'Request invalid due to parse error: %s',
    kind: 'invalid',
    means: 'The body is not what its content type says.',
  },
  BadRequest: {
    code: 1004,
    status: 400,
    message: 'Bad request: %s',
    kind: 'invalid',
    means: 'The request has not the form that it must have; the text says which.',
  },
  NotFound: {
    code: 10000,
    status: 404,
    message: 'Unknown request',
    kind: 'not-found',
    means: 'There is no such endpoint.',
  },
  UnknownError: {
    code: 10001,
    status: 500,
    message: 'An unknown error occurred.',
    kind: 'internal',
    means: 'A fault of Slipway; the log of cloud-controller has it under the id of the header X-Vcap-Request-Id.',
  },
  NotAuthenticated: {
    code: 10002,
    status: 401,
    message: 'Authentication error',
    kind: 'unauthenticated',
    means: 'The request has no token.',
  },
  NotAuthorized: {
    code: 10003,
    status: 403,
    message: 'You are not authorized to perform the requested action',
    kind: 'forbidden',
    means: 'Your roles let you see this but not do that, or your token has not the scope for it.',
  },
  InvalidRequest: {
    code: 10004,
    status: 400,
    message: 'The request is invalid: %s',
    kind: 'invalid',
    means: 'The request cannot be carried out as it is; the text says why.',
  },
  BadQueryParameter: {
    code: 10005,
    status: 400,
    message: 'The query parameter is invalid: %s',
    kind: 'invalid',
    means: 'A query parameter is unknown or has an impossible value.',
  },
  UnprocessableEntity: {
    code: 10008,
    status: 422,
    message: '%s',
    kind: 'invalid',
    means: 'The body is well-formed but asks for something impossible; the text names each field.',
  },
  ResourceNotFound: {
    code: 10010,
    status: 404,
    message: '%s',
    kind: 'not-found',
    means: 'It does not exist, or your roles do not let you see it.',
  },
  ServiceUnavailable: {
    code: 10015,
    status: 503,
    message: '%s',
    kind: 'exhausted',
    means: 'The disk of the database is full, and nothing was changed. Make room; then the same request will do.',
  },
  UaaUnavailable: {
    code: 20004,
    status: 503,
    message: 'The UAA service is currently unavailable',
    kind: 'unavailable',
    means: 'The keys that tokens are checked with cannot be fetched.',
  },
  NetworkPolicyInvalid: {
    code: 390_001,
    status: 400,
    message: '%s',
    kind: 'invalid',
    means: 'A network policy is not what it must be; the text says what is wrong.',
  },
  NetworkPolicyRefused: {
    code: 390_002,
    status: 403,
    message: '%s',
    kind: 'forbidden',
    means:
      'An app of a network policy does not exist, or you are no developer in its space; or it is the source of as many policies as it may be.',
  },
  OrgSuspended: {
    code: 10017,
    status: 403,
    message: 'The organization is suspended',
    kind: 'forbidden',
    means: 'An administrator has suspended the organization: until that is lifted, only administrators change it.',
  },
  StagingError: {
    code: 170001,
    status: 400,
    message: 'Staging error: %s',
    kind: 'invalid',
    means: 'In `build.error`: staging failed; the text names the step and the cause.',
  },
  StagingTimeExpired: {
    code: 170007,
    status: 504,
    message: 'Staging time expired: %s',
    kind: 'timeout',
    means: 'In `build.error`: no stager had a result within the staging timeout.',
  },
  StagingInProgress: {
    code: 170017,
    status: 422,
    message: 'Only one build can be STAGING at a time per application.',
    kind: 'conflict',
    means: 'Wait for the build that is under way.',
  },
  ServiceFetchBindingParametersNotSupported: {
    code: 90007,
    status: 400,
    message: 'This service does not support fetching service binding parameters.',
    kind: 'invalid',
    means: 'Bindings to user-provided service instances have no parameters.',
  },
  ServiceFetchInstanceParametersNotSupported: {
    code: 120004,
    status: 400,
    message: 'This service does not support fetching service instance parameters.',
    kind: 'invalid',
    means: 'User-provided service instances have no parameters.',
  },
  RegistryCredentialsNotVerified: {
    code: 190001,
    status: 422,
    message: '%s',
    kind: 'invalid',
    means:
      'In a job: the registry does not take the user name and password, or could not be asked; the text says which, who was asked and what it answered.',
  },
  InstancesUnavailable: {
    code: 220002,
    status: 503,
    message: 'Instances information unavailable: %s',
    kind: 'unavailable',
    means: 'What runs is not known yet: NATS has not been reached since the start.',
  },
  FeatureDisabled: {
    code: 330002,
    status: 403,
    message: 'Feature Disabled: %s',
    kind: 'forbidden',
    means: 'An administrator has switched this feature flag off.',
  },
  ScaleDisabledDuringDeployment: {
    code: 390016,
    status: 422,
    message: 'Cannot scale this process while a deployment is in flight.',
    kind: 'conflict',
    means: 'Wait for the deployment, or cancel it.',
  },
  ProcessUpdateDisabledDuringDeployment: {
    code: 390017,
    status: 422,
    message: 'Cannot update this process while a deployment is in flight.',
    kind: 'conflict',
    means: 'Wait for the deployment, or cancel it.',
  },
  LabelLimitExceeded: {
    code: 390020,
    status: 422,
    message: 'Failed to add %s',
    kind: 'exhausted',
    means: 'A resource has at most 50 labels. Remove some, or put into annotations what is not selected by.',
  },
  AnnotationLimitExceeded: {
    code: 390023,
    status: 422,
    message: 'Failed to add %s',
    kind: 'exhausted',
    means: 'A resource has at most 200 annotations. Remove some.',
  },
  StopDisabledDuringDeployment: {
    code: 390024,
    status: 422,
    message: 'Cannot stop the app while it is deploying, please cancel the deployment before stopping the app.',
    kind: 'conflict',
    means: 'Stopping or restarting an app would cut its deployment short.',
  },
} as const satisfies Record<string, ErrorEntry>;

/** What users see as UnknownError and operators in the log. */
const innerErrors = {
  VAULT_CANNOT_OPEN: {
    kind: 'internal',
    means: 'A secret in the database was sealed with another ENCRYPTION_KEY, or was changed.',
  },
  LRP_SYNC_CONFLICT: {
    kind: 'conflict',
    means: 'Something else writes a record of KV desired-lrps or tasks again and again; it is tried again.',
  },
} as const satisfies Record<string, Pick<ErrorEntry, 'kind' | 'means'>>;

/** Every code of this service, for docs/errors.md. */
export const errorTable = { ...apiErrors, ...innerErrors } as const;

export type ErrorName = keyof typeof apiErrors;

/** An error that the API answers with. */
export class ApiError extends CodedError {
  readonly status: number;
  /** As Cloud Foundry's error bodies have it. */
  readonly body: { readonly code: number; readonly title: string; readonly detail: string };

  /** `status`: where Cloud Foundry leaves it to what is in front of it. */
  constructor(name: ErrorName, text = '', options: { readonly cause?: unknown; readonly status?: number } = {}) {
    const entry: ErrorEntry = apiErrors[name];
    const detail = entry.message.replace('%s', () => text);
    super(`CF-${name}`, entry.kind, detail, options);
    this.status = options.status ?? entry.status;
    this.body = { code: entry.code, title: `CF-${name}`, detail };
  }
}

/** A fault inside, by its code. */
export function innerError(code: keyof typeof innerErrors, message: string, cause?: unknown): CodedError {
  return new CodedError(code, innerErrors[code].kind, message, { cause });
}

/** `ResourceNotFound` with the text that the cf CLI looks for, e.g. `App not found`. */
export function notFound(resource: string): ApiError {
  return new ApiError('ResourceNotFound', `${resource} not found`);
}

/** Several errors of one request, each with a body of its own (cloud_controller_ng `CompoundError`). */
export class CompoundError extends Error {
  readonly errors: readonly [ApiError, ...ApiError[]];

  constructor(errors: readonly [ApiError, ...ApiError[]]) {
    super(errors.map(({ message }) => message).join(', '));
    this.name = 'CompoundError';
    this.errors = errors;
  }
}

/** 422 with an error for each text. */
export function allUnprocessable(texts: readonly string[]): CompoundError {
  const [first = new ApiError('UnprocessableEntity'), ...others] = texts.map((text) => unprocessable(text));
  return new CompoundError([first, ...others]);
}

/** 422 with Cloud Foundry's way of joining several texts. */
export function unprocessable(...texts: readonly string[]): ApiError {
  return new ApiError('UnprocessableEntity', texts.join(', '));
}
