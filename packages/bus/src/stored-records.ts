import type { StoredMsg } from '@nats-io/jetstream';
import type { Msg } from '@nats-io/nats-core';
import { MsgImpl } from '@nats-io/nats-core/internal';
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

const SEQUENCE = '\r\nNats-Sequence: ';
/** Within so many last bytes of the headers are those that nats-server puts there. */
const OWN_HEADERS_BYTES = 256;

/**
 * The sequence that nats-server gave it. The publisher may have put the same header there, before the server's. Looked for
 * in the bytes, for to take all headers apart would be most of the work of following a stream.
 */
function sequenceOf(message: Msg): number {
  if (!(message instanceof MsgImpl)) throw new TypeError('not a message of the client');
  const end = Math.max(message._msg.hdr, 0);
  const own = message._rdata.subarray(Math.max(end - OWN_HEADERS_BYTES, 0), end);
  const text = Buffer.from(own.buffer, own.byteOffset, own.byteLength).toString('latin1');
  const at = text.lastIndexOf(SEQUENCE);
  const sequence = at === -1 ? Number.NaN : Number.parseInt(text.slice(at + SEQUENCE.length), 10);
  if (!Number.isSafeInteger(sequence) || sequence <= 0) throw new Error(`no sequence came with ${message.subject}`);
  return sequence;
}

function republishedRecord(stream: string, message: Msg): HeardRecord {
  return {
    // The message's own subject: the header of that name may be the publisher's.
    subject: message.subject.slice(storedSubject(stream, '').length),
    sequence: sequenceOf(message),
    get operation() {
      return message.headers?.get('KV-Operation') ?? '';
    },
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
        onRecord(republishedRecord(stream, message));
      } catch (failure) {
        // Thrown from here it would end the client's reading from the server.
        failed.reject(failure);
      }
    },
  });
  void subscription.closed.then((reason) => failed.reject(reason ?? new Error('the subscription was closed')));
  return { failed: failed.promise, stop: () => subscription.unsubscribe() };
}
