import type { Expression, ExpressionBuilder, Selectable, SelectQueryBuilder, SqlBool } from 'kysely';
import { type RawBuilder, sql } from 'kysely';
import type { LabelRequirement } from '../../domain/lists/label-selector.ts';
import type { ListQuery } from '../../domain/lists/list-query.ts';
import type { TimeFilter } from '../../domain/lists/time-filter.ts';
import type { Database } from './schema.ts';

/** Tables whose rows are resources. */
type ResourceTable = {
  [T in keyof Database]: Database[T] extends { readonly id: unknown; readonly guid: unknown } ? T : never;
}[keyof Database];

export type Filter<T extends keyof Database> = (
  eb: ExpressionBuilder<Database, T>,
  values: readonly string[],
) => Expression<SqlBool>;

export type Filters<T extends keyof Database> = Readonly<Record<string, Filter<T>>>;

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly totalResults: number;
}

/** The rows of one page of a list, and how many there are in all. `base` says which of them the caller may see. */
export async function listPage<T extends ResourceTable>(
  table: T,
  base: SelectQueryBuilder<Database, T, object>,
  filters: Filters<T>,
  query: ListQuery,
): Promise<Page<Selectable<Database[T]>>> {
  // Kysely cannot follow a table that is a type parameter, hence the casts; every filter is typed where it is written.
  type Query = SelectQueryBuilder<Database, 'apps', object>;
  let filtered = base as unknown as Query;
  for (const [name, values] of query.filters) {
    const filter = filters[name];
    if (filter === undefined) throw new Error(`the list of ${table} has no filter ${name}`);
    filtered = filtered.where((eb) => filter(eb as unknown as ExpressionBuilder<Database, T>, values));
  }
  for (const time of query.times) filtered = filtered.where(atTime(table, time));
  for (const label of query.labels) filtered = filtered.where(hasLabel(table, label));
  const { total } = await filtered.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
  const direction = query.orderBy?.descending === true ? 'desc' : 'asc';
  const ordered =
    query.orderBy === undefined
      ? filtered
      : filtered.orderBy(sql.ref(`${table}.${query.orderBy.field}`) as RawBuilder<string>, direction);
  const rows = await ordered
    .selectAll(table as 'apps')
    .orderBy(sql.ref(`${table}.id`), direction)
    .limit(query.perPage)
    .offset((query.page - 1) * query.perPage)
    .execute();
  return { rows: rows as unknown as Selectable<Database[T]>[], totalResults: total };
}

/** To the second, as the API shows times. */
function atTime(table: ResourceTable, { column, operator, values }: TimeFilter): Expression<SqlBool> {
  const shown = sql`substr(${sql.ref(`${table}.${column}`)}, 1, 19)`;
  if (operator === '=') return sql<SqlBool>`${shown} in (${sql.join([...values])})`;
  return sql<SqlBool>`${shown} ${sql.raw(operator)} ${values[0]}`;
}

function hasLabel(table: ResourceTable, { key, kind, values }: LabelRequirement): Expression<SqlBool> {
  const ofValues = kind === 'in' || kind === 'notin' ? sql` and m.value in (${sql.join([...values])})` : sql``;
  const found = sql<SqlBool>`exists (select 1 from metadata_entries m
    where m.resource_guid = ${sql.ref(`${table}.guid`)} and m.kind = 'label' and m.key = ${key}${ofValues})`;
  return kind === 'absent' || kind === 'notin' ? sql<SqlBool>`not ${found}` : found;
}

/** Rows whose column has one of the values. */
export function oneOf<T extends ResourceTable>(table: T, column: string & keyof Database[T]): Filter<T> {
  return (_, values) => sql<SqlBool>`${sql.ref(`${table}.${column}`)} in (${sql.join([...values])})`;
}

/** The same whatever the case. */
export function oneOfNames<T extends ResourceTable>(table: T, column: string & keyof Database[T]): Filter<T> {
  return (_, values) =>
    sql<SqlBool>`lower(${sql.ref(`${table}.${column}`)}) in (${sql.join(values.map((value) => sql`lower(${value})`))})`;
}
