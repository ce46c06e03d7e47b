import type { StoredEnvelope } from './envelope.ts';
import type { SourceMeta } from './log-store.ts';

/** google.rpc.Code, as grpc-gateway puts it into the bodies of errors. */
export const statusCodes = { invalid: 3, notFound: 5, exhausted: 8, internal: 13, unavailable: 14 } as const;

/** egress.proto `ReadResponse`. */
export function renderBatch(envelopes: readonly StoredEnvelope[]): string {
  return `{"envelopes":{"batch":[${envelopes.map(({ json }) => json).join(',')}]}}`;
}

/** egress.proto `MetaResponse` as cf-auth-proxy writes it: lowerCamelCase, int64 as text, what is 0 left out. */
export function renderMeta(sources: ReadonlyMap<string, SourceMeta>): string {
  const meta: Record<string, Record<string, string>> = Object.create(null);
  for (const [sourceId, { count, expired, oldestTimestamp, newestTimestamp }] of sources) {
    meta[sourceId] = {
      ...(count === 0 ? {} : { count: count.toString() }),
      ...(expired === 0 ? {} : { expired: expired.toString() }),
      ...(oldestTimestamp === undefined ? {} : { oldestTimestamp: oldestTimestamp.toString() }),
      ...(newestTimestamp === undefined ? {} : { newestTimestamp: newestTimestamp.toString() }),
    };
  }
  return JSON.stringify({ meta });
}

/** Prometheus' error body, which clients show as it is when the status is 400 (go-log-cache `PromQLRaw`). */
export function renderPromqlError(error: string): string {
  return JSON.stringify({ status: 'error', errorType: 'bad_data', error });
}

/** google.rpc.Status, grpc-gateway's error body. */
export function renderStatus(code: number, message: string): string {
  return JSON.stringify({ code, message, details: [] });
}
