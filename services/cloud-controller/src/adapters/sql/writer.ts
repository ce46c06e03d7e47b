import { isTransactionConflict } from '@slipway/database';
import type { Transaction } from 'kysely';
import { type AuditEvent, addAuditEvent } from './audit-event-rows.ts';
import { addToOutbox, type OutboxKind } from './outbox.ts';
import type { Database, Db } from './schema.ts';

/** A line about an app in its log, as Cloud Controller writes them (source type API). */
export interface ApiLine {
  readonly appGuid: string;
  readonly text: string;
  readonly stream: 'OUT' | 'ERR';
}

/** One transaction, and what follows from it once it is committed. */
export interface UnitOfWork {
  readonly sql: Transaction<Database>;
  /** The time of everything in this unit. */
  readonly now: string;
  /** Tells the bus, by way of the outbox. */
  announce(kind: OutboxKind, subject: string): Promise<void>;
  /** Notes who changed what. */
  audit(event: AuditEvent): Promise<void>;
  /**
   * The first call with this key begins something, whose result is called when the work is done and before it is
   * committed; later calls do nothing.
   */
  once(key: string, begin: () => Promise<() => Promise<void>>): Promise<void>;
  /** Into the app's log, if this is committed. */
  log(appGuid: string, text: string, stream?: 'OUT' | 'ERR'): void;
}

export interface WriterOptions {
  readonly db: Db;
  readonly now: () => Date;
  /** Called after a commit that left something in the outbox. */
  readonly onAnnounced: () => void;
  readonly onLine: (line: ApiLine) => void;
}

const MAX_ATTEMPTS = 5;

/** Runs units of work. Nothing in one may wait for the network: on SQLite it holds the only connection. */
export class Writer {
  readonly #options: WriterOptions;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** `work` may run more than once: when its transaction lost to another one, it begins anew. */
  async write<T>(work: (unit: UnitOfWork) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#writeOnce(work);
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !isTransactionConflict(error)) throw error;
      }
    }
  }

  async #writeOnce<T>(work: (unit: UnitOfWork) => Promise<T>): Promise<T> {
    const { db, onAnnounced, onLine } = this.#options;
    const now = this.#options.now().toISOString();
    const lines: ApiLine[] = [];
    let announced = false;
    const result = await db.transaction().execute(async (sql) => {
      const begun = new Map<string, () => Promise<void>>();
      const done = await work({
        sql,
        now,
        announce: async (kind, subject) => {
          await addToOutbox(sql, kind, subject, now);
          announced = true;
        },
        audit: (event) => addAuditEvent(sql, event, now),
        once: async (key, begin) => {
          if (begun.has(key)) return;
          begun.set(key, async () => undefined);
          begun.set(key, await begin());
        },
        log: (appGuid, text, stream = 'OUT') => {
          lines.push({ appGuid, text, stream });
        },
      });
      for (const end of begun.values()) await end();
      return done;
    });
    if (announced) onAnnounced();
    for (const line of lines) onLine(line);
    return result;
  }
}
