import { isUniqueViolation } from '@slipway/database';
import type { Kysely } from 'kysely';
import type { OauthClient } from '../../domain/oauth-client.ts';
import type { UaaDatabase } from './schema.ts';

/** OAuth 2 clients. */
export class ClientStore {
  readonly #db: Kysely<UaaDatabase>;

  constructor(db: Kysely<UaaDatabase>) {
    this.#db = db;
  }

  /** False when there is a client of that id. */
  async insert(client: OauthClient): Promise<boolean> {
    try {
      await this.#db.insertInto('clients').values(toRow(client)).execute();
      return true;
    } catch (error) {
      if (isUniqueViolation(error)) return false;
      throw error;
    }
  }

  /** Makes the client as given, whatever it was before. */
  async put(client: OauthClient): Promise<void> {
    const { client_id, created_at, ...changed } = toRow(client);
    await this.#db
      .insertInto('clients')
      .values({ client_id, created_at, ...changed })
      .onConflict((conflict) => conflict.column('client_id').doUpdateSet(changed))
      .execute();
  }

  async get(clientId: string): Promise<OauthClient | undefined> {
    const row = await this.#db.selectFrom('clients').selectAll().where('client_id', '=', clientId).executeTakeFirst();
    return row === undefined ? undefined : fromRow(row);
  }

  /** By id. */
  async list(): Promise<OauthClient[]> {
    const rows = await this.#db.selectFrom('clients').selectAll().orderBy('client_id').execute();
    return rows.map(fromRow);
  }

  /** With the refresh tokens that it got. The client as it was; undefined when it is gone already. */
  async delete(clientId: string): Promise<OauthClient | undefined> {
    const client = await this.get(clientId);
    const deleted = await this.#db.deleteFrom('clients').where('client_id', '=', clientId).executeTakeFirst();
    return deleted.numDeletedRows > 0n ? client : undefined;
  }
}

function toRow(client: OauthClient): UaaDatabase['clients'] {
  return {
    client_id: client.clientId,
    secret_hash: client.secretHash,
    grant_types: JSON.stringify(client.grantTypes),
    scopes: JSON.stringify(client.scopes),
    authorities: JSON.stringify(client.authorities),
    created_at: client.createdAt,
  };
}

function fromRow(row: UaaDatabase['clients']): OauthClient {
  return {
    clientId: row.client_id,
    secretHash: row.secret_hash,
    grantTypes: JSON.parse(row.grant_types),
    scopes: JSON.parse(row.scopes),
    authorities: JSON.parse(row.authorities),
    createdAt: row.created_at,
  };
}
