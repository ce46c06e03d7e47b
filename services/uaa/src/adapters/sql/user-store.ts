import { isUniqueViolation } from '@slipway/database';
import type { Kysely, Selectable, Transaction } from 'kysely';
import { type User, userNameKey } from '../../domain/user.ts';
import type { UserField, UserFilter } from '../../domain/user-filter.ts';
import type { UaaDatabase } from './schema.ts';
import { userCondition } from './user-filter-sql.ts';

export interface UserPage {
  readonly filter: UserFilter | undefined;
  readonly sortBy: UserField;
  readonly ascending: boolean;
  readonly offset: number;
  readonly limit: number;
}

/** Users and the groups they are in. */
export class UserStore {
  readonly #db: Kysely<UaaDatabase>;

  constructor(db: Kysely<UaaDatabase>) {
    this.#db = db;
  }

  /** False when there is a user of that name. */
  async insert(user: User): Promise<boolean> {
    try {
      await this.#db.transaction().execute(async (trx) => {
        await trx
          .insertInto('users')
          .values({
            guid: user.guid,
            user_name: user.userName,
            user_name_key: userNameKey(user.userName),
            origin: user.origin,
            email: user.email,
            given_name: user.givenName,
            family_name: user.familyName,
            password_hash: user.passwordHash,
            password_changed_at: user.passwordChangedAt,
            active: Number(user.active),
            verified: Number(user.verified),
            version: user.version,
            created_at: user.createdAt,
            updated_at: user.updatedAt,
          })
          .execute();
        const groups = user.groups.map((group) => ({ user_guid: user.guid, group_name: group }));
        if (groups.length > 0) await trx.insertInto('user_groups').values(groups).execute();
      });
      return true;
    } catch (error) {
      if (isUniqueViolation(error)) return false;
      throw error;
    }
  }

  async get(guid: string): Promise<User | undefined> {
    const row = await this.#db.selectFrom('users').selectAll().where('guid', '=', guid).executeTakeFirst();
    return row === undefined ? undefined : (await this.#withGroups([row]))[0];
  }

  async findByName(userName: string, origin: string): Promise<User | undefined> {
    const row = await this.#db
      .selectFrom('users')
      .selectAll()
      .where('user_name_key', '=', userNameKey(userName))
      .where('origin', '=', origin)
      .executeTakeFirst();
    return row === undefined ? undefined : (await this.#withGroups([row]))[0];
  }

  async list(page: UserPage): Promise<{ readonly users: readonly User[]; readonly total: number }> {
    const { filter } = page;
    let query = this.#db.selectFrom('users');
    if (filter !== undefined) query = query.where((eb) => userCondition(eb, filter));
    const counted = await query.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
    const rows = await query
      .selectAll()
      .orderBy(page.sortBy === 'user_name' ? 'user_name_key' : page.sortBy, page.ascending ? 'asc' : 'desc')
      // Pages need an order without ties.
      .orderBy('guid')
      .limit(page.limit)
      .offset(page.offset)
      .execute();
    return { users: await this.#withGroups(rows), total: Number(counted.total) };
  }

  /** The user as it is then; undefined when it is gone, `taken` when another has the name. Who may not log in any more is logged out. */
  async update(user: User, now: string): Promise<User | 'taken' | undefined> {
    try {
      await this.#db.transaction().execute(async (trx) => {
        await trx
          .updateTable('users')
          .set({
            user_name: user.userName,
            user_name_key: userNameKey(user.userName),
            email: user.email,
            given_name: user.givenName,
            family_name: user.familyName,
            active: Number(user.active),
            verified: Number(user.verified),
            updated_at: now,
          })
          .set((eb) => ({ version: eb('version', '+', 1) }))
          .where('guid', '=', user.guid)
          .execute();
        if (!user.active) await trx.deleteFrom('refresh_tokens').where('user_guid', '=', user.guid).execute();
      });
    } catch (error) {
      if (isUniqueViolation(error)) return 'taken';
      throw error;
    }
    return this.get(user.guid);
  }

  /** False when the user is gone. Ends all of the user's sessions: who changes a password may do so for a reason. */
  async setPassword(guid: string, passwordHash: string, now: string): Promise<boolean> {
    return this.#db.transaction().execute(async (trx) => {
      const updated = await setHash(trx, guid, passwordHash)
        .set({ password_changed_at: now, updated_at: now })
        .set((eb) => ({ version: eb('version', '+', 1) }))
        .executeTakeFirst();
      await trx.deleteFrom('refresh_tokens').where('user_guid', '=', guid).execute();
      return updated.numUpdatedRows > 0n;
    });
  }

  /** The same password with newer parameters: nothing that anyone would notice. */
  async replaceHash(guid: string, passwordHash: string, previous: string): Promise<void> {
    await setHash(this.#db, guid, passwordHash).where('password_hash', '=', previous).execute();
  }

  /** With groups and sessions. The user as it was; undefined when it is gone already. */
  async delete(guid: string): Promise<User | undefined> {
    const user = await this.get(guid);
    const deleted = await this.#db.deleteFrom('users').where('guid', '=', guid).executeTakeFirst();
    return deleted.numDeletedRows > 0n ? user : undefined;
  }

  async #withGroups(rows: readonly Selectable<UaaDatabase['users']>[]): Promise<User[]> {
    if (rows.length === 0) return [];
    const guids = rows.map((row) => row.guid);
    const memberships = await this.#db
      .selectFrom('user_groups')
      .selectAll()
      .where('user_guid', 'in', guids)
      .orderBy('group_name')
      .execute();
    const groups = Map.groupBy(memberships, (membership) => membership.user_guid);
    return rows.map((row) => toUser(row, groups.get(row.guid)?.map((membership) => membership.group_name) ?? []));
  }
}

function setHash(db: Kysely<UaaDatabase> | Transaction<UaaDatabase>, guid: string, passwordHash: string) {
  return db.updateTable('users').set({ password_hash: passwordHash }).where('guid', '=', guid);
}

function toUser(row: Selectable<UaaDatabase['users']>, groups: readonly string[]): User {
  return {
    guid: row.guid,
    userName: row.user_name,
    origin: row.origin,
    email: row.email,
    givenName: row.given_name,
    familyName: row.family_name,
    passwordHash: row.password_hash,
    passwordChangedAt: row.password_changed_at,
    active: row.active === 1,
    verified: row.verified === 1,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    groups,
  };
}
