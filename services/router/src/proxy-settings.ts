import { createSecureContext, type SecureContext } from 'node:tls';
import type { ProxySettings } from './adapters/proxy/proxy-settings.ts';
import type { Config } from './config.ts';

/** The data path's settings. */
export function proxySettings(config: Config): ProxySettings {
  return {
    maxHeadBytes: config.MAX_HEAD_BYTES,
    maxFields: config.MAX_HEADERS,
    headTimeoutMs: config.HEAD_TIMEOUT_MS,
    idleTimeoutMs: config.IDLE_TIMEOUT_MS,
    requestTimeoutMs: config.REQUEST_TIMEOUT_MS,
    dialTimeoutMs: config.DIAL_TIMEOUT_MS,
    maxAttempts: config.MAX_ATTEMPTS,
    forwardedProto: config.FORWARDED_PROTO,
    sticky: { cookieNames: new Set(config.STICKY_COOKIE_NAMES), secureCookies: config.SECURE_COOKIES },
    balancer: { maxWaiting: config.BACKEND_MAX_WAITING, failureMarkMs: config.FAILURE_MARK_MS },
  };
}

/** What TLS endpoints are trusted by. */
export function backendTls(config: Config): SecureContext {
  return createSecureContext({
    ...(config.BACKEND_CA === undefined ? {} : { ca: config.BACKEND_CA }),
    ...(config.BACKEND_CLIENT_CERT === undefined ? {} : { cert: config.BACKEND_CLIENT_CERT }),
    ...(config.BACKEND_CLIENT_KEY === undefined ? {} : { key: config.BACKEND_CLIENT_KEY.reveal() }),
  });
}
