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

export interface HeardRecord extends StoredRecord {
  /** Of its payload: what it takes in memory while it waits. */
  readonly bytes: number;
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

function republishedRecord(stream: string, message: Msg): HeardRecord | undefined {
  // Whoever published it may have put the same headers there: nats-server's come after his. The subject is nats-server's.
  const sequence = Number(message.headers?.last('Nats-Sequence'));
  if (!Number.isSafeInteger(sequence) || sequence <= 0) return undefined;
  return {
    subject: message.subject.slice(storedSubject(stream, '').length),
    sequence,
    operation: message.headers?.get('KV-Operation') ?? '',
    bytes: message.data.length,
    json: () => message.json(),
  };
}

export interface Following {
  /** Rejects when nothing more will come. */
  readonly failed: Promise<never>;
  stop(): void;
}

/**
 * Hears what a stream stores from now on; what several writers store at one time comes in any order. Core NATS: whoever
 * follows so must read anew after a lost connection, and look into the stream itself when he needs to know that nothing is
 * missing.
 */
export function followStored(
  bus: Bus,
  stream: string,
  subjects: string,
  onRecord: (record: HeardRecord) => void,
): Following {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const subscription = bus.nc.subscribe(storedSubject(stream, subjects), {
    callback: (error, message) => {
      if (error !== null && error !== undefined) {
        failed.reject(error);
        return;
      }
      try {
        const record = republishedRecord(stream, message);
        if (record === undefined) throw new Error(`no sequence with what came on ${message.subject}`);
        onRecord(record);
      } catch (failure) {
        // Thrown from here it would end the client's reading from the server.
        failed.reject(failure);
      }
    },
  });
  void subscription.closed.then((reason) => failed.reject(reason ?? new Error('the subscription was closed')));
  return { failed: failed.promise, stop: () => subscription.unsubscribe() };
}
