// Who listens where on the machine that the probes run on, which is a network namespace of their own.

/** The host's own address on its uplink (RFC 5737, so nobody's). */
export const HOST_ADDRESS = '203.0.113.2';
/** Somebody beyond the uplink. */
export const OUTSIDE_ADDRESS = '198.51.100.7';
/** As clouds have it: also beyond the uplink. */
export const METADATA_ADDRESS = '169.254.169.254';
export const OUTSIDE_PORT = 80;
export const NATS_PORT = 4222;
export const REGISTRY_PORT = 5000;
/** Any port of the platform's. */
export const HOST_PORT = 2222;
export const ABSTRACT_SOCKET = 'slipway-isolation-probe';
