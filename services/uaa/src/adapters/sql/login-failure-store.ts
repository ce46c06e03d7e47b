import type { Kysely } from 'kysely';
import type { LoginFailures } from '../../domain/login-policy.ts';
import type { UaaDatabase } from './schema.ts';

/** Failed logins by subject. In the database, so that a restart forgets none and all processes count together. */
export class LoginFailureStore {
  readonly #db: Kysely<UaaDatabase>;

  constructor(db: Kysely<UaaDatabase>) {
    this.#db = db;
  }

  async get(subject: string): Promise<LoginFailures | undefined> {
    const row = await this.#db
      .selectFrom('login_failures')
      .selectAll()
      .where('subject', '=', subject)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    return {
      failures: row.failures,
      windowStartedAt: Date.parse(row.window_started_at),
      lastFailureAt: Date.parse(row.last_failure_at),
    };
  }

  /** Reads, lets `change` decide, and writes, with nobody in between. */
  async update(subject: string, change: (current: LoginFailures | undefined) => LoginFailures): Promise<LoginFailures> {
    return this.#db.transaction().execute(async (trx) => {
      const next = change(await new LoginFailureStore(trx).get(subject));
      const values = {
        failures: next.failures,
        window_started_at: new Date(next.windowStartedAt).toISOString(),
        last_failure_at: new Date(next.lastFailureAt).toISOString(),
      };
      await trx
        .insertInto('login_failures')
        .values({ subject, ...values })
        .onConflict((conflict) => conflict.column('subject').doUpdateSet(values))
        .execute();
      return next;
    });
  }

  async clear(subject: string): Promise<void> {
    await this.#db.deleteFrom('login_failures').where('subject', '=', subject).execute();
  }

  async deleteBefore(time: number): Promise<void> {
    const before = new Date(time).toISOString();
    await this.#db.deleteFrom('login_failures').where('last_failure_at', '<', before).execute();
  }
}
