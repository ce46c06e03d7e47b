import { Counter, createMetrics, Gauge, type Registry } from '@slipway/service-kit';
import type { LogStream } from './adapters/nats/log-stream.ts';

export interface LogCacheMetrics {
  readonly registry: Registry;
  readonly onRead: (envelopes: number) => void;
}

/** log-cache's own names where it has them (`store.go`). */
export function createLogCacheMetrics(stream: () => LogStream | undefined): LogCacheMetrics {
  const registry = createMetrics('log-cache');
  const gauge = (name: string, help: string, read: () => number | undefined): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read() ?? 0);
      },
    });
  };
  gauge('log_cache_store_size', 'Envelopes held.', () => stream()?.store?.totals().envelopes);
  gauge('log_cache_store_bytes', 'Bytes held.', () => stream()?.store?.totals().bytes);
  gauge('log_cache_sources', 'Sources that hold envelopes.', () => stream()?.store?.totals().sources);
  gauge(
    'log_cache_expired_by_source',
    'Envelopes dropped because their source held too many, since the stream was last read from its start.',
    () => stream()?.store?.totals().expiredBySource,
  );
  gauge(
    'log_cache_expired_by_total',
    'Envelopes dropped because all sources held too many, since the stream was last read from its start.',
    () => stream()?.store?.totals().expiredByTotal,
  );
  gauge('log_cache_ingress', 'Envelopes read from the stream.', () => stream()?.counts.ingested);
  gauge('log_cache_rejected', 'Envelopes left out for a timestamp beyond int64.', () => stream()?.counts.rejected);
  gauge('log_cache_missed', 'Envelopes that the stream dropped unread.', () => stream()?.counts.missed);
  const egress = new Counter({ name: 'log_cache_egress', help: 'Envelopes served.', registers: [registry] });
  return { registry, onRead: (envelopes) => egress.inc(envelopes) };
}
