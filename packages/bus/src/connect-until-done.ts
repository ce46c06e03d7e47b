import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { inboxPrefix } from '@slipway/contracts';
import { describeError, type Logger, type Secret } from '@slipway/service-kit';
import { tolerateHeaders } from './tolerant-headers.ts';

export interface NatsLogin {
  /** `nats://host:port`, several with commas. */
  readonly url: string;
  readonly user: string;
  readonly password: Secret;
  /** What the server calls this connection. */
  readonly name: string;
  readonly logger: Logger;
}

// A lost connection is tried again for ever: a service without NATS keeps what it has and waits.
const RECONNECT_WAIT_MS = 250;
const PING_INTERVAL_MS = 10_000;
// A server that dies while it greets would otherwise hold up the next try for 20 s.
const CONNECT_TIMEOUT_MS = 3_000;
// How often it is said again that NATS is still away for the same reason.
const REPEAT_AFTER_ATTEMPTS = 40;

/**
 * Tries until NATS lets this user in, and says why it does not: a wrong password looks like a server that is away.
 * Undefined when the signal ended the tries.
 */
export async function connectUntilDone(login: NatsLogin, signal: AbortSignal): Promise<NatsConnection | undefined> {
  tolerateHeaders();
  let reason = '';
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      const nc = await connect({
        servers: login.url.split(','),
        user: login.user,
        pass: login.password.reveal(),
        name: login.name,
        inboxPrefix: inboxPrefix(login.user),
        maxReconnectAttempts: -1,
        reconnectTimeWait: RECONNECT_WAIT_MS,
        pingInterval: PING_INTERVAL_MS,
        timeout: CONNECT_TIMEOUT_MS,
        ignoreAuthErrorAbort: true,
      });
      surviveCallbacks(nc, login.logger);
      return nc;
    } catch (error) {
      // A URL that is none stays none.
      if (error instanceof TypeError) throw error;
      const now = describeError(error);
      if (now !== reason || attempt % REPEAT_AFTER_ATTEMPTS === 0) {
        login.logger.warn({ err: error, user: login.user, attempt }, 'nats.not-connected');
      }
      reason = now;
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_WAIT_MS));
    }
  }
  return undefined;
}

/** The client reads no more from the server once a subscription's callback has thrown: here that is logged instead. */
function surviveCallbacks(nc: NatsConnection, logger: Logger): void {
  const subscribe = nc.subscribe.bind(nc);
  nc.subscribe = (subject, options = {}) => {
    const { callback } = options;
    if (callback === undefined) return subscribe(subject, options);
    return subscribe(subject, {
      ...options,
      callback: (error, message) => {
        try {
          void callback(error, message);
        } catch (failure) {
          logger.error({ err: failure, subject }, 'nats.callback-failed');
        }
      },
    });
  };
}
