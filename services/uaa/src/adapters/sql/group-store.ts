import { isUniqueViolation } from '@slipway/database';
import type { Kysely } from 'kysely';
import type { UaaDatabase } from './schema.ts';

/** A group that an administrator made. */
export interface MadeGroup {
  readonly name: string;
  readonly description: string | null;
}

/** Groups beyond the platform's own, and who is in which. */
export class GroupStore {
  readonly #db: Kysely<UaaDatabase>;

  constructor(db: Kysely<UaaDatabase>) {
    this.#db = db;
  }

  /** Those that were made, and those that somebody is in. */
  async list(): Promise<MadeGroup[]> {
    const made = await this.#db.selectFrom('groups').select(['name', 'description']).orderBy('name').execute();
    const names = new Set(made.map(({ name }) => name));
    const used = await this.#db.selectFrom('user_groups').select('group_name as name').distinct().execute();
    return [...made, ...used.filter(({ name }) => !names.has(name)).map(({ name }) => ({ name, description: null }))];
  }

  /** False when there is one of that name. */
  async insert(group: MadeGroup, createdAt: string): Promise<boolean> {
    try {
      await this.#db
        .insertInto('groups')
        .values({ ...group, created_at: createdAt })
        .execute();
      return true;
    } catch (error) {
      if (isUniqueViolation(error)) return false;
      throw error;
    }
  }

  /** With all memberships. */
  async delete(name: string): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      await trx.deleteFrom('user_groups').where('group_name', '=', name).execute();
      await trx.deleteFrom('groups').where('name', '=', name).execute();
    });
  }

  /** Guids of users. */
  async members(name: string): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('user_groups')
      .select('user_guid')
      .where('group_name', '=', name)
      .orderBy('user_guid')
      .execute();
    return rows.map((row) => row.user_guid);
  }

  /** False when the user is in it already. */
  async add(name: string, userGuid: string): Promise<boolean> {
    const added = await this.#db
      .insertInto('user_groups')
      .values({ user_guid: userGuid, group_name: name })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return (added.numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  /** False when the user is not in it. */
  async remove(name: string, userGuid: string): Promise<boolean> {
    const removed = await this.#db
      .deleteFrom('user_groups')
      .where('group_name', '=', name)
      .where('user_guid', '=', userGuid)
      .executeTakeFirst();
    return removed.numDeletedRows > 0n;
  }
}
