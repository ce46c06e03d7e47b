import { createHash, randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { UaaDatabase } from './schema.ts';

/** What a code is good for, once. Times are milliseconds since the epoch. */
export interface AuthorizationCode {
  readonly userGuid: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly authenticatedAt: number;
  readonly expiresAt: number;
}

const CODE_BYTES = 24;
const CODE = /^[A-Za-z0-9_-]{32}$/;

/** One-time codes: random texts of which only the hash is kept. */
export class AuthorizationCodeStore {
  readonly #db: Kysely<UaaDatabase>;

  constructor(db: Kysely<UaaDatabase>) {
    this.#db = db;
  }

  async create(code: AuthorizationCode): Promise<string> {
    const text = randomBytes(CODE_BYTES).toString('base64url');
    await this.#db
      .insertInto('authorization_codes')
      .values({
        code_hash: hashOf(text),
        user_guid: code.userGuid,
        client_id: code.clientId,
        scopes: JSON.stringify(code.scopes),
        authenticated_at: new Date(code.authenticatedAt).toISOString(),
        expires_at: new Date(code.expiresAt).toISOString(),
      })
      .execute();
    return text;
  }

  /** Uses the code up, whoever asks. Undefined when it is not ours, was used, or has expired. */
  async take(text: string, now: number): Promise<AuthorizationCode | undefined> {
    if (!CODE.test(text)) return undefined;
    const row = await this.#db
      .deleteFrom('authorization_codes')
      .where('code_hash', '=', hashOf(text))
      .returningAll()
      .executeTakeFirst();
    if (row === undefined || Date.parse(row.expires_at) <= now) return undefined;
    return {
      userGuid: row.user_guid,
      clientId: row.client_id,
      scopes: JSON.parse(row.scopes),
      authenticatedAt: Date.parse(row.authenticated_at),
      expiresAt: Date.parse(row.expires_at),
    };
  }

  async deleteExpired(now: number): Promise<void> {
    await this.#db.deleteFrom('authorization_codes').where('expires_at', '<=', new Date(now).toISOString()).execute();
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
