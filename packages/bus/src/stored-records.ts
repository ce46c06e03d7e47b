import type { StoredMsg } from '@nats-io/jetstream';
import type { Msg } from '@nats-io/nats-core';
import { storedSubject } from '@slipway/contracts';
import type { Bus } from './bus.ts';

/** What a stream has stored, read from it or heard when it was stored. */
export interface StoredRecord {
  readonly subject: string;
  readonly sequence: number;
  /** `KV-Operation` of a bucket's record: empty, DEL or PURGE (NATS ADR-8). */
  readonly operation: string;
  readonly json: () => unknown;
}

export const storedRecord = (message: StoredMsg): StoredRecord => ({
  subject: message.subject,
  sequence: message.seq,
  operation: message.header.get('KV-Operation'),
  json: () => message.json(),
});

/** The first record from this sequence on that the stream still has. */
export async function nextStored(
  bus: Bus,
  stream: string,
  from: number,
  subjects: string,
): Promise<StoredRecord | undefined> {
  // The client's types do not know `next_by_subj` here; the server does since 2.9.
  const query = { seq: from, next_by_subj: subjects };
  const found = await bus.jsm.streams.getMessage(stream, query);
  return found === null ? undefined : storedRecord(found);
}

function republishedRecord(message: Msg): StoredRecord | undefined {
  const sequence = Number(message.headers?.get('Nats-Sequence'));
  if (!Number.isSafeInteger(sequence) || sequence <= 0) return undefined;
  return {
    subject: message.headers?.get('Nats-Subject') ?? '',
    sequence,
    operation: message.headers?.get('KV-Operation') ?? '',
    json: () => message.json(),
  };
}

export interface Following {
  /** Rejects when nothing more will come. */
  readonly failed: Promise<never>;
  stop(): void;
}

/**
 * Hears what a stream stores from now on, in its order. Core NATS: whoever follows so must read anew after a lost
 * connection, and look into the stream itself when he needs to know that nothing is missing.
 */
export function followStored(
  bus: Bus,
  stream: string,
  subjects: string,
  onRecord: (record: StoredRecord) => void,
): Following {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const subscription = bus.nc.subscribe(storedSubject(stream, subjects), {
    callback: (error, message) => {
      if (error !== null && error !== undefined) {
        failed.reject(error);
        return;
      }
      const record = republishedRecord(message);
      if (record === undefined) bus.logger.error({ subject: message.subject }, 'stored-records.no-sequence');
      else onRecord(record);
    },
  });
  void subscription.closed.then((reason) => failed.reject(reason ?? new Error('the subscription was closed')));
  return { failed: failed.promise, stop: () => subscription.unsubscribe() };
}
