import type { Bus } from '@slipway/bus';
import { instanceMetrics, parseMessage } from '@slipway/contracts';
import { envelopeTimestamp } from '../../domain/envelope.ts';
import { gaugeEnvelope } from '../../domain/gauge.ts';
import { LogStore } from '../../domain/log-store.ts';

/** Of one app: an hour of five instances, each of which is told of every 15 s. */
const PER_SOURCE = 1_200;
const BYTES_PER_SOURCE = 2 * 1024 * 1024;
const BYTES = 32 * 1024 * 1024;

/**
 * What instances use, as cells tell it, kept beside the logs: so that gauges, which come all the time, push no line of a
 * quiet app out. They are in no stream; a new log-cache has them from the next time that cells tell.
 */
export class UsageGauges {
  readonly store: LogStore = new LogStore({
    linesPerSource: PER_SOURCE,
    bytesPerSource: BYTES_PER_SOURCE,
    bytes: BYTES,
  });
  readonly #bus: Bus;
  #stop: () => void = () => undefined;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  start(): void {
    const subscription = this.#bus.nc.subscribe(instanceMetrics.subject, {
      callback: (error, message) => {
        if (error !== null) return this.#refuse(error, instanceMetrics.subject);
        try {
          const { data } = parseMessage(instanceMetrics, message.json());
          // A cell can publish under its own id only; what it writes into the message is up to it.
          if (message.subject !== instanceMetrics.subjectFor(data)) throw new Error(`speaks for cell ${data.cellId}`);
          const timestamp = envelopeTimestamp(data.timestamp);
          if (timestamp === undefined) throw new Error('the timestamp is beyond int64');
          for (const usage of data.instances) {
            const envelope = gaugeEnvelope(usage);
            if (envelope !== undefined) this.store.add(envelope.sourceId, timestamp, 'GAUGE', envelope.render);
          }
        } catch (cause) {
          this.#refuse(cause, message.subject);
        }
      },
    });
    this.#stop = () => subscription.unsubscribe();
  }

  stop(): void {
    this.#stop();
  }

  #refuse(cause: unknown, subject: string): void {
    this.#bus.logger.warn({ err: cause, subject }, 'usage.invalid');
  }
}
