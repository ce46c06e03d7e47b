import { createHash, randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { UaaDatabase } from './schema.ts';

/** A login that can be carried on. Times are milliseconds since the epoch. */
export interface Session {
  readonly sessionId: string;
  readonly userGuid: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly authenticatedAt: number;
  readonly createdAt: number;
  readonly expiresAt: number;
}

const TOKEN_BYTES = 32;
/** UAA's opaque refresh tokens end so; the rest of ours is 43 characters of base64url. */
const SUFFIX = '-r';
const TOKEN = /^[A-Za-z0-9_-]{43}-r$/;

/** Refresh tokens: random texts of which only the hash is kept. */
export class RefreshTokenStore {
  readonly #db: Kysely<UaaDatabase>;

  constructor(db: Kysely<UaaDatabase>) {
    this.#db = db;
  }

  /** A new token for the session. */
  async create(session: Session): Promise<string> {
    const token = `${randomBytes(TOKEN_BYTES).toString('base64url')}${SUFFIX}`;
    await this.#db
      .insertInto('refresh_tokens')
      .values({
        token_hash: hashOf(token),
        session_id: session.sessionId,
        user_guid: session.userGuid,
        client_id: session.clientId,
        scopes: JSON.stringify(session.scopes),
        authenticated_at: new Date(session.authenticatedAt).toISOString(),
        created_at: new Date(session.createdAt).toISOString(),
        expires_at: new Date(session.expiresAt).toISOString(),
      })
      .execute();
    return token;
  }

  /** Undefined when the token is not ours, was revoked, or has expired. */
  async find(token: string, now: number): Promise<Session | undefined> {
    if (!TOKEN.test(token)) return undefined;
    const row = await this.#db
      .selectFrom('refresh_tokens')
      .selectAll()
      .where('token_hash', '=', hashOf(token))
      .where('expires_at', '>', new Date(now).toISOString())
      .executeTakeFirst();
    return row === undefined ? undefined : toSession(row);
  }

  async findSession(sessionId: string): Promise<Session | undefined> {
    const row = await this.#db
      .selectFrom('refresh_tokens')
      .selectAll()
      .where('session_id', '=', sessionId)
      .executeTakeFirst();
    return row === undefined ? undefined : toSession(row);
  }

  async endSession(sessionId: string): Promise<void> {
    await this.#db.deleteFrom('refresh_tokens').where('session_id', '=', sessionId).execute();
  }

  async deleteExpired(now: number): Promise<void> {
    await this.#db.deleteFrom('refresh_tokens').where('expires_at', '<=', new Date(now).toISOString()).execute();
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function toSession(row: UaaDatabase['refresh_tokens']): Session {
  return {
    sessionId: row.session_id,
    userGuid: row.user_guid,
    clientId: row.client_id,
    scopes: JSON.parse(row.scopes),
    authenticatedAt: Date.parse(row.authenticated_at),
    createdAt: Date.parse(row.created_at),
    expiresAt: Date.parse(row.expires_at),
  };
}
