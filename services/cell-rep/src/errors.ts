import { CodedError } from '@slipway/service-kit';

/**
 * REP_NOT_ROOT: containers need root. REP_METADATA_INVALID: a container's own notes do not parse.
 * REP_STEP_TIMEOUT: a step did not end within its deadline.
 */
export class RepError extends CodedError {}
