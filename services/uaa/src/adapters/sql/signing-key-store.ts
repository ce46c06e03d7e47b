import type { Kysely } from 'kysely';
import type { KeyTimes } from '../../domain/key-schedule.ts';
import type { UaaDatabase } from './schema.ts';

export interface StoredKey extends KeyTimes {
  /** JWK as JSON. */
  readonly publicKey: string;
  /** Encrypted. */
  readonly privateKey: string;
}

/** The keys that sign tokens, old ones too until what they signed has expired. */
export class SigningKeyStore {
  readonly #db: Kysely<UaaDatabase>;

  constructor(db: Kysely<UaaDatabase>) {
    this.#db = db;
  }

  async list(): Promise<StoredKey[]> {
    const rows = await this.#db.selectFrom('signing_keys').selectAll().execute();
    return rows.map((row) => ({
      kid: row.kid,
      publicKey: row.public_key,
      privateKey: row.private_key,
      activatesAt: Date.parse(row.activates_at),
      expiresAt: row.expires_at === null ? undefined : Date.parse(row.expires_at),
    }));
  }

  /** Adds the first key. False when there is one: another process was first. */
  async insertFirst(key: StoredKey): Promise<boolean> {
    return this.#db.transaction().execute(async (trx) => {
      const present = await trx.selectFrom('signing_keys').select('kid').limit(1).executeTakeFirst();
      if (present !== undefined) return false;
      await trx.insertInto('signing_keys').values(toRow(key)).execute();
      return true;
    });
  }

  /** Adds a key and lets all others expire at that time, unless they expire before. */
  async rotate(key: StoredKey, othersExpireAt: number): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      await trx
        .updateTable('signing_keys')
        .set({ expires_at: new Date(othersExpireAt).toISOString() })
        .where('expires_at', 'is', null)
        .execute();
      await trx.insertInto('signing_keys').values(toRow(key)).execute();
    });
  }

  async deleteExpired(now: number): Promise<void> {
    await this.#db.deleteFrom('signing_keys').where('expires_at', '<=', new Date(now).toISOString()).execute();
  }
}

function toRow(key: StoredKey): UaaDatabase['signing_keys'] {
  return {
    kid: key.kid,
    public_key: key.publicKey,
    private_key: key.privateKey,
    activates_at: new Date(key.activatesAt).toISOString(),
    expires_at: key.expiresAt === undefined ? null : new Date(key.expiresAt).toISOString(),
  };
}
