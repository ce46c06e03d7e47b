import { randomUUID } from 'node:crypto';
import { migrate, openDatabase } from '@slipway/database';
import type { TestDatabase } from '@slipway/database/testing';
import fc from 'fast-check';
import type { Kysely } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, onEachEngine } from '../../database.test-support.ts';
import type { User } from '../../domain/user.ts';
import type { UserField, UserFilter } from '../../domain/user-filter.ts';
import { migrations } from './migrations.ts';
import type { UaaDatabase } from './schema.ts';
import { UserStore } from './user-store.ts';

let database: TestDatabase;
let db: Kysely<UaaDatabase>;
let store: UserStore;
let users: User[];

const time = (day: number): string => new Date(Date.UTC(2026, 0, day)).toISOString();

function user(userName: string, fields: Partial<User> = {}): User {
  return {
    guid: randomUUID(),
    userName,
    origin: 'uaa',
    email: `${userName}@example.com`,
    givenName: null,
    familyName: null,
    passwordHash: 'hash',
    passwordChangedAt: time(1),
    active: true,
    verified: true,
    version: 0,
    createdAt: time(1),
    updatedAt: time(1),
    groups: [],
    ...fields,
  };
}

const textFields: readonly UserField[] = ['guid', 'user_name', 'origin', 'email', 'given_name', 'family_name'];
const pieces = ['a', 'an', 'ANNA', '_n', '%', 'o%', '\\', '\\x', "'", "d'or", '@', 'uaa', '', 'x'];
const leaf: fc.Arbitrary<UserFilter> = fc.oneof(
  fc.record({
    kind: fc.constant('text' as const),
    field: fc.constantFrom(...textFields),
    operator: fc.constantFrom(
      'eq' as const,
      'ne' as const,
      'co' as const,
      'sw' as const,
      'ew' as const,
      'gt' as const,
      'le' as const,
    ),
    value: fc.constantFrom(...pieces),
  }),
  fc.record({
    kind: fc.constant('time' as const),
    field: fc.constantFrom('created_at' as const, 'updated_at' as const),
    operator: fc.constantFrom('eq' as const, 'ne' as const, 'gt' as const, 'ge' as const, 'lt' as const, 'le' as const),
    value: fc.integer({ min: 1, max: 6 }).map(time),
  }),
  fc.record({
    kind: fc.constant('boolean' as const),
    field: fc.constantFrom('active' as const, 'verified' as const),
    operator: fc.constantFrom('eq' as const, 'ne' as const),
    value: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('present' as const),
    field: fc.constantFrom('given_name' as const, 'family_name' as const),
    type: fc.constant('text' as const),
  }),
);
const { filter: anyFilter } = fc.letrec<{ filter: UserFilter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    leaf,
    fc.record({ kind: fc.constantFrom('and' as const, 'or' as const), left: tie('filter'), right: tie('filter') }),
    fc.record({ kind: fc.constant('not' as const), filter: tie('filter') }),
  ),
}));

/** What a filter means, said without SQL. */
function matches(one: User, filter: UserFilter): boolean {
  const texts: Partial<Record<UserField, string>> = {
    guid: one.guid,
    user_name: one.userName,
    origin: one.origin,
    email: one.email,
    given_name: one.givenName ?? '',
    family_name: one.familyName ?? '',
    created_at: one.createdAt,
    updated_at: one.updatedAt,
  };
  switch (filter.kind) {
    case 'and':
      return matches(one, filter.left) && matches(one, filter.right);
    case 'or':
      return matches(one, filter.left) || matches(one, filter.right);
    case 'not':
      return !matches(one, filter.filter);
    case 'present':
      return texts[filter.field] !== '';
    case 'boolean': {
      const actual = filter.field === 'active' ? one.active : one.verified;
      return (actual === filter.value) === (filter.operator === 'eq');
    }
    default: {
      const fold = (text: string): string => (filter.kind === 'text' ? text.toLowerCase() : text);
      const left = fold(texts[filter.field] ?? '');
      const right = fold(filter.value);
      const results = {
        eq: left === right,
        ne: left !== right,
        co: left.includes(right),
        sw: left.startsWith(right),
        ew: left.endsWith(right),
        gt: left > right,
        ge: left >= right,
        lt: left < right,
        le: left <= right,
      };
      return results[filter.operator];
    }
  }
}

onEachEngine(() => {
  beforeAll(async () => {
    database = await createTestDatabase();
    db = openDatabase<UaaDatabase>(database.url);
    await migrate(db, migrations);
    store = new UserStore(db);
    users = [
      user('Anna', { givenName: 'A_n', createdAt: time(2), groups: ['scim.read', 'a'] }),
      user('bob', { active: false, familyName: 'O%', createdAt: time(3) }),
      user('carl\\x', { verified: false, givenName: '', createdAt: time(4) }),
      user("d'or", { email: 'D@X', createdAt: time(5), familyName: 'axn' }),
    ];
    for (const one of users) expect(await store.insert(one)).toBe(true);
  });
  afterAll(async () => {
    await db.destroy();
    await database.remove();
  });

  test('a filter finds whom it means', async () => {
    await fc.assert(
      fc.asyncProperty(anyFilter, async (filter) => {
        const found = await store.list({ filter, sortBy: 'created_at', ascending: true, offset: 0, limit: 100 });
        const expected = users.filter((one) => matches(one, filter));
        expect(found.users.map((one) => one.userName)).toEqual(expected.map((one) => one.userName));
        expect(found.total).toBe(expected.length);
      }),
      { numRuns: 400 },
    );
  });

  test('a page is a part of the whole, in order', async () => {
    const list = (offset: number, ascending: boolean) =>
      store.list({ filter: undefined, sortBy: 'user_name', ascending, offset, limit: 2 });
    const names = async (offset: number, ascending: boolean) =>
      (await list(offset, ascending)).users.map((u) => u.userName);
    expect(await names(0, true)).toEqual(['Anna', 'bob']);
    expect(await names(2, true)).toEqual(['carl\\x', "d'or"]);
    expect(await names(0, false)).toEqual(["d'or", 'carl\\x']);
    expect((await list(4, true)).total).toBe(4);
    expect(await names(4, true)).toEqual([]);
  });

  test('a name is taken in any case', async () => {
    expect(await store.insert(user('aNNA'))).toBe(false);
    expect(await store.findByName('ANNA', 'uaa')).toEqual({ ...users[0], groups: ['a', 'scim.read'] });
    expect(await store.findByName('ANNA', 'ldap')).toBeUndefined();
  });

  test('a hash is replaced only while it is the one that was checked', async () => {
    const guid = users[1]?.guid ?? '';
    await store.replaceHash(guid, 'new', 'not the one');
    expect((await store.get(guid))?.passwordHash).toBe('hash');
    await store.replaceHash(guid, 'new', 'hash');
    expect(await store.get(guid)).toMatchObject({ passwordHash: 'new', version: 0, passwordChangedAt: time(1) });
  });
});
