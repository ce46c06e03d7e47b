import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import { userNameKey } from '../../domain/user.ts';
import type { UserFilter } from '../../domain/user-filter.ts';
import type { UaaDatabase } from './schema.ts';

type Users = ExpressionBuilder<UaaDatabase, 'users'>;

const symbols = { eq: '=', ne: '!=', gt: '>', ge: '>=', lt: '<', le: '<=' } as const;

/** A filter as a condition on `users`. What is not set meets `ne` and nothing else. */
export function userCondition(eb: Users, filter: UserFilter): Expression<SqlBool> {
  switch (filter.kind) {
    case 'and':
      return eb.and([userCondition(eb, filter.left), userCondition(eb, filter.right)]);
    case 'or':
      return eb.or([userCondition(eb, filter.left), userCondition(eb, filter.right)]);
    case 'not':
      return eb.not(userCondition(eb, filter.filter));
    case 'present': {
      const set = eb(filter.field, 'is not', null);
      return filter.type === 'text' ? eb.and([set, eb(filter.field, '!=', '')]) : set;
    }
    case 'boolean':
      return eb(filter.field, symbols[filter.operator], filter.value ? 1 : 0);
    case 'time':
    case 'text':
      return textCondition(eb, filter);
  }
}

/** Never null, for `not` of a null would be null again and match nothing. */
function textCondition(eb: Users, filter: UserFilter & { kind: 'text' | 'time' }): Expression<SqlBool> {
  const { operator } = filter;
  const isName = filter.field === 'user_name';
  const column = isName ? eb.ref('user_name_key') : eb.ref(filter.field);
  const folds = filter.kind === 'text' && !isName;
  const left = folds ? sql<string>`lower(coalesce(${column}, ''))` : sql<string>`coalesce(${column}, '')`;
  const value = isName ? userNameKey(filter.value) : filter.value;
  // The database folds both sides, so that they are folded alike.
  const right = folds ? sql<string>`lower(${value})` : sql<string>`${value}`;
  switch (operator) {
    case 'co':
      return like(left, folds, `%${escapeLike(value)}%`);
    case 'sw':
      return like(left, folds, `${escapeLike(value)}%`);
    case 'ew':
      return like(left, folds, `%${escapeLike(value)}`);
    default:
      return eb(left, symbols[operator], right);
  }
}

function like(left: Expression<string>, folds: boolean, pattern: string): Expression<SqlBool> {
  const right = folds ? sql`lower(${pattern})` : sql`${pattern}`;
  return sql<SqlBool>`${left} like ${right} escape '\\'`;
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
