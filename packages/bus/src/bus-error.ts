import { CodedError } from '@slipway/service-kit';

/** BUS_* errors: what was attempted on NATS and why it failed. */
export class BusError extends CodedError {}
