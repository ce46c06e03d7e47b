import { type Bus, emitMessage, LogEmitter, nowNanoseconds } from '@slipway/bus';
import { logEnvelope, logEnvelopeSchema } from '@slipway/contracts';
import { accessLogLine } from '../../domain/access-log-line.ts';
import type { AccessRecord } from '../../domain/access-record.ts';
import type { ForwardedProtoMode } from '../../domain/forwarding/request-head-out.ts';
import { LineBudget } from '../../domain/line-budget.ts';

export interface AccessLogOptions {
  readonly linesPerSecond: number;
  readonly forwardedProto: ForwardedProtoMode;
  /** Monotonic ms. */
  readonly now: () => number;
}

const SOURCE_TYPE = 'RTR';
const REPORT_INTERVAL_MS = 1_000;

/** Writes the access log of each app into the app's own log, as source type RTR. Never holds up a request. */
export class AccessLog {
  readonly #bus: Bus;
  readonly #options: AccessLogOptions;
  readonly #emitter: LogEmitter;
  readonly #budget: LineBudget;
  readonly #timer: NodeJS.Timeout;
  /** Lines that were counted and not written. */
  suppressed = 0;

  constructor(bus: Bus, options: AccessLogOptions) {
    this.#bus = bus;
    this.#options = options;
    this.#emitter = new LogEmitter(bus);
    this.#budget = new LineBudget(options.linesPerSecond);
    this.#timer = setInterval(() => this.#report(), REPORT_INTERVAL_MS);
    this.#timer.unref();
  }

  write(record: AccessRecord): void {
    const { endpoint } = record;
    if (endpoint === undefined || !isSourceId(endpoint.appId)) return;
    if (!this.#budget.allows(endpoint.appId, this.#options.now())) {
      this.suppressed++;
      // What the line would have taken, near enough; making it is what is to be saved.
      this.#budget.suppress(endpoint.appId, record.request.text.length);
      return;
    }
    this.#emitter.emit({
      sourceId: endpoint.appId,
      instanceId: endpoint.instanceIndex === '' ? '0' : endpoint.instanceIndex,
      sourceType: SOURCE_TYPE,
      line: accessLogLine(record, this.#options.forwardedProto),
      tags: endpoint.tags,
    });
  }

  close(): void {
    clearInterval(this.#timer);
    this.#report();
    this.#emitter.close();
  }

  #report(): void {
    for (const { appId, lines, bytes } of this.#budget.takeSuppressed(this.#options.now())) {
      if (!this.#bus.connected) continue;
      const text = `${lines} access log lines were left out: more than ${this.#options.linesPerSecond} requests in a second`;
      emitMessage(this.#bus, logEnvelope, {
        timestamp: nowNanoseconds().toString(),
        sourceId: appId,
        instanceId: '0',
        sourceType: SOURCE_TYPE,
        stream: 'ERR',
        payload: Buffer.from(text).toString('base64'),
        tags: {},
        dropped: { lines, bytes },
      });
    }
  }
}

/** Components of the platform have no app guid; what is no subject token must not become one. */
function isSourceId(appId: string): boolean {
  return appId !== '' && logEnvelopeSchema.shape.sourceId.safeParse(appId).success;
}
