import { setTimeout as delay } from 'node:timers/promises';
import { type LogLine, nowNanoseconds } from '@slipway/bus';
import type { DesiredLrp } from '@slipway/contracts';
import type { HealthLine } from '../domain/health-monitor.ts';
import {
  type LogLimits,
  LogRateLimiter,
  platformLimitExceeded,
  rateLimitDropped,
  rateLimitExceeded,
} from '../domain/log-rate-limiter.ts';
import { ReadPace } from '../domain/read-pace.ts';
import { instanceTags } from '../domain/routes.ts';
import type { InstanceDeps } from './instance-deps.ts';
import type { ContainerLine } from './ports.ts';

// What was dropped is told soon, also when nothing follows: the limiter's window, and a moment for its end.
const REPORT_AFTER_MS = 1_050;

// An app that says much while it starts is no flood.
const PLATFORM_BURST_S = 5;

interface Limit {
  readonly limiter: LogRateLimiter;
  readonly exceeded: string;
  /** It counts lines, not bytes. */
  readonly lines: boolean;
}

function limitsOf(appBytesPerSecond: number, { bytesPerSecond, linesPerSecond }: LogLimits, now: number): Limit[] {
  return [
    {
      limiter: new LogRateLimiter(appBytesPerSecond, now),
      exceeded: rateLimitExceeded(appBytesPerSecond),
      lines: false,
    },
    {
      limiter: new LogRateLimiter(bytesPerSecond, now, PLATFORM_BURST_S),
      exceeded: platformLimitExceeded(bytesPerSecond, 'bytes'),
      lines: false,
    },
    {
      limiter: new LogRateLimiter(linesPerSecond, now, PLATFORM_BURST_S),
      exceeded: platformLimitExceeded(linesPerSecond, 'lines'),
      lines: true,
    },
  ];
}

export interface LoggedInstance {
  readonly cellId: string;
  readonly instanceGuid: string;
  readonly index: number;
  readonly lrp: () => Pick<DesiredLrp, 'log' | 'resources' | 'metricTags' | 'sidecars'>;
}

/** All that is written about one instance: its own lines within their rate, and what the cell says of it. */
export class InstanceLog {
  readonly #emit: (line: LogLine) => void;
  readonly #instance: LoggedInstance;
  readonly #limits: readonly Limit[];
  #reportTimer: NodeJS.Timeout | undefined;
  readonly #pace = new ReadPace();
  #bytes = 0;
  #lastNs = 0n;

  constructor(instance: LoggedInstance, platform: LogLimits, emit: (line: LogLine) => void) {
    this.#emit = emit;
    this.#instance = instance;
    this.#limits = limitsOf(instance.lrp().resources.logRateBytesPerSecond, platform, performance.now());
  }

  /** Before more of what the app writes is read: room for what was let through, and time for what was dropped. */
  room(ofSink: InstanceDeps['logRoom']): Promise<void> | undefined {
    const origin = { sourceId: this.#instance.lrp().log.sourceId, instanceId: String(this.#instance.index) };
    const sink = ofSink(origin);
    const waitMs = this.#pace.waitMs(performance.now());
    if (waitMs === 0) return sink;
    return Promise.all([sink, delay(waitMs, undefined, { ref: false })]).then(() => undefined);
  }

  /** Of the app's lines that were let through. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A line that the app or a sidecar wrote; they share the instance's rate. */
  app({ sidecar, stream, bytes, timestampNs }: ContainerLine): void {
    // Diego drops empty lines.
    if (bytes.length === 0) return;
    const now = performance.now();
    this.#report(now);
    for (const { limiter, exceeded, lines } of this.#limits) {
      const admission = limiter.admit(bytes.length, now, lines ? 1 : bytes.length);
      if (admission.kind === 'admitted') continue;
      if (admission.first) this.#write(this.#appSource, 'ERR', exceeded);
      if (limiter.pending) this.#reportSoon();
      this.#pace.read(bytes.length, now);
      return;
    }
    this.#bytes += bytes.length;
    this.#write(this.#sourceOf(sidecar), stream, bytes, { timestamp: timestampNs });
  }

  /** A line that the platform adds to the app's own, or a sidecar's, outside of their rate. */
  aside(text: string, sourceType: string = this.#appSource): void {
    this.#write(sourceType, 'OUT', text);
  }

  /** `Cell <id> <what> <guid>`, Diego's form. `reason` follows after a colon. */
  cell(what: string, stream: 'OUT' | 'ERR' = 'OUT', reason = ''): void {
    const { cellId, instanceGuid } = this.#instance;
    const why = reason === '' ? '' : `: ${reason}`;
    this.#write('CELL', stream, `Cell ${cellId} ${what} ${instanceGuid}${why}`);
  }

  health(lines: readonly HealthLine[]): void {
    for (const { source, stream, text } of lines) this.#write(source, stream, text);
  }

  close(): void {
    clearTimeout(this.#reportTimer);
    this.#report(Number.POSITIVE_INFINITY);
  }

  get #appSource(): string {
    return this.#instance.lrp().log.sourceType;
  }

  #sourceOf(sidecar: string | undefined): string {
    const found = this.#instance.lrp().sidecars?.find(({ name }) => name === sidecar);
    return found?.sourceType ?? this.#appSource;
  }

  #reportSoon(): void {
    this.#reportTimer ??= setTimeout(() => {
      this.#reportTimer = undefined;
      this.#report(performance.now());
      // Another window may have begun meanwhile.
      if (this.#limits.some(({ limiter }) => limiter.pending)) this.#reportSoon();
    }, REPORT_AFTER_MS);
  }

  #report(now: number): void {
    for (const { limiter, exceeded } of this.#limits) {
      const dropped = limiter.report(now);
      if (dropped === undefined) continue;
      this.#write(this.#appSource, 'ERR', rateLimitDropped(exceeded, dropped), { dropped });
    }
  }

  #write(
    sourceType: string,
    stream: 'OUT' | 'ERR',
    line: string | Uint8Array,
    more: Pick<LogLine, 'timestamp' | 'dropped'> = {},
  ): void {
    const { index } = this.#instance;
    // Lines are written in the order in which things happened; clocks of different grain must not change it.
    const timestamp = more.timestamp ?? nowNanoseconds();
    this.#lastNs = timestamp > this.#lastNs ? timestamp : this.#lastNs + 1n;
    const lrp = this.#instance.lrp();
    this.#emit({
      sourceId: lrp.log.sourceId,
      instanceId: String(index),
      sourceType,
      stream,
      line,
      tags: instanceTags(lrp, this.#instance),
      ...more,
      timestamp: this.#lastNs,
    });
  }
}
