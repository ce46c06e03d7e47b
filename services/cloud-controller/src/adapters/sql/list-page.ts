import type { Expression, ExpressionBuilder, Selectable, SelectQueryBuilder, SqlBool } from 'kysely';
import { type RawBuilder, sql } from 'kysely';
import type { LabelRequirement } from '../../domain/lists/label-selector.ts';
import type { ListQuery } from '../../domain/lists/list-query.ts';
import type { TimeFilter } from '../../domain/lists/time-filter.ts';
import { type MetadataOwner, metadataOwnerOf } from './metadata-entries.ts';
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

/**
 * The rows of one page of a list, and how many there are in all. `base` says which of them the caller may see. Ids are
 * found first, in an index that holds nothing else, and from the nearer end; so a late page of a long list costs little
 * more than the first.
 */
export async function listPage<T extends ResourceTable>(
  table: T,
  base: SelectQueryBuilder<Database, T, object>,
  filters: Filters<T>,
  query: ListQuery,
): Promise<Page<Selectable<Database[T]>>> {
  const list = filteredList(table, base, filters, query);
  const { offset, count } = { offset: (query.page - 1) * query.perPage, count: query.perPage };
  const descending = query.orderBy?.descending === true;
  const page = (ids: RawBuilder<number>): Promise<unknown[]> => {
    const rows = (base as unknown as Query).clearWhere().selectAll(table as 'apps');
    const ordered = orderedBy(rows.where(sql`${sql.ref(`${table}.id`)}`, 'in', ids), table, query, descending);
    return ordered.execute();
  };
  type Rows = Selectable<Database[T]>[];
  if (offset === 0) {
    const rows = (await page(list.ids(descending, count, 0))) as Rows;
    return { rows, totalResults: rows.length < count ? rows.length : await list.count() };
  }
  const totalResults = await list.count();
  const length = Math.min(count, totalResults - offset);
  if (length <= 0) return { rows: [], totalResults };
  const after = totalResults - offset - length;
  const ids = after < offset ? list.ids(!descending, length, after) : list.ids(descending, length, offset);
  return { rows: (await page(ids)) as Rows, totalResults };
}

/** Kysely cannot follow a table that is a type parameter, hence the casts; filters are typed where they are written. */
type Query = SelectQueryBuilder<Database, 'apps', object>;

interface FilteredList {
  count(): Promise<number>;
  /** A query for the ids of a part of the list. */
  ids(descending: boolean, limit: number, offset: number): RawBuilder<number>;
}

function filteredList<T extends ResourceTable>(
  table: T,
  base: SelectQueryBuilder<Database, T, object>,
  filters: Filters<T>,
  query: ListQuery,
): FilteredList {
  const everything = base as unknown as Query;
  const [label, ...otherLabels] = query.labels;
  const unrestricted = everything.toOperationNode().where === undefined;
  const byLabelAlone = unrestricted && otherLabels.length === 0 && query.filters.size === 0 && query.times.length === 0;
  const owner = metadataOwnerOf(table);
  // Of one label the index of labels knows how many have it and, in the order of their making, which.
  const alone = label !== undefined && byLabelAlone && owner !== undefined ? labelled(owner, label) : undefined;
  let filtered = everything;
  for (const [name, values] of query.filters) {
    const filter = filters[name];
    if (filter === undefined) throw new Error(`the list of ${table} has no filter ${name}`);
    filtered = filtered.where((eb) => filter(eb as unknown as ExpressionBuilder<Database, T>, values));
  }
  for (const time of query.times) filtered = filtered.where(atTime(table, time));
  const id = sql.ref(`${table}.id`);
  if (alone === undefined)
    for (const each of query.labels) filtered = filtered.where(hasLabel(table, each, unrestricted));
  else {
    const those = sql`(select resource_id ${alone.entries})`;
    filtered = filtered.where(alone.positive ? sql<SqlBool>`${id} in ${those}` : sql<SqlBool>`${id} not in ${those}`);
  }
  const countOf = async (rows: Query): Promise<number> => {
    const { total } = await rows.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
    return total;
  };
  return {
    count: async () => {
      if (alone === undefined) return countOf(filtered);
      const have = sql<number>`(select count(*) ${alone.entries})`;
      const row = await everything
        .select([have.as('have')])
        .limit(1)
        .executeTakeFirst();
      const count = Number(row?.have ?? 0);
      return alone.positive ? count : (await countOf(everything)) - count;
    },
    ids: (descending, limit, offset) => {
      if (alone?.positive === true && query.orderBy === undefined) {
        const direction = sql.raw(descending ? 'desc' : 'asc');
        return sql`(select resource_id ${alone.entries} order by resource_id ${direction} limit ${limit} offset ${offset})`;
      }
      if (unrestricted) {
        const rows = filtered.select(sql<number>`${id}`.as('id')).limit(limit).offset(offset);
        return sql`${orderedBy(rows, table, query, descending)}`;
      }
      // Else PostgreSQL goes through the whole table in the list's order, in the hope to meet what the caller sees.
      const field = sql.ref(`${table}.${query.orderBy?.field ?? 'id'}`);
      const seen = filtered.select([sql<number>`${id}`.as('id'), sql`${field}`.as('place')]);
      const direction = sql.raw(descending ? 'desc' : 'asc');
      return sql`(with seen as materialized ${seen} select id from seen
        order by place ${direction}, id ${direction} limit ${limit} offset ${offset})`;
    },
  };
}

function orderedBy<O>(
  rows: SelectQueryBuilder<Database, 'apps', O>,
  table: ResourceTable,
  { orderBy }: ListQuery,
  descending: boolean,
): SelectQueryBuilder<Database, 'apps', O> {
  const direction = descending ? 'desc' : 'asc';
  const column = (name: string): RawBuilder<string> => sql.ref(`${table}.${name}`) as RawBuilder<string>;
  const ordered = orderBy === undefined ? rows : rows.orderBy(column(orderBy.field), direction);
  return ordered.orderBy(column('id'), direction);
}

/** Label entries that a requirement is about, and whether it wants the resources that have one of them. */
function labelled(
  owner: MetadataOwner,
  { key, kind, values }: LabelRequirement,
): { readonly entries: RawBuilder<unknown>; readonly positive: boolean } {
  const ofValues = kind === 'in' || kind === 'notin' ? sql` and value in (${sql.join([...values])})` : sql``;
  const entries = sql`from metadata_entries
    where resource_type = ${owner} and kind = 'label' and key = ${key}${ofValues} and resource_id is not null`;
  return { entries, positive: kind === 'in' || kind === 'exists' };
}

/** To the second, as the API shows times. Times are kept with three digits of a second more: they compare as text. */
function atTime(table: ResourceTable, { column, operator, values }: TimeFilter): Expression<SqlBool> {
  const time = sql.ref(`${table}.${column}`);
  const [first, last] = [`${values[0]}.000Z`, `${values[0]}.999Z`];
  if (operator === '<') return sql<SqlBool>`${time} < ${first}`;
  if (operator === '<=') return sql<SqlBool>`${time} <= ${last}`;
  if (operator === '>') return sql<SqlBool>`${time} > ${last}`;
  if (operator === '>=') return sql<SqlBool>`${time} >= ${first}`;
  const within = values.map((value) => sql`${time} between ${`${value}.000Z`} and ${`${value}.999Z`}`);
  return sql<SqlBool>`(${sql.join(within, sql` or `)})`;
}

function hasLabel(table: ResourceTable, { key, kind, values }: LabelRequirement, ofMany: boolean): Expression<SqlBool> {
  const ofValues = kind === 'in' || kind === 'notin' ? sql` and m.value in (${sql.join([...values])})` : sql``;
  const entries = sql`(select 1 from metadata_entries m
    where m.resource_guid = ${sql.ref(`${table}.guid`)} and m.kind = 'label' and m.key = ${key}${ofValues})`;
  // Where the caller sees but a part, PostgreSQL is to look at the labels of that part, and not to join with all.
  const found = ofMany ? sql<SqlBool>`exists ${entries}` : sql<SqlBool>`(${entries} is not null)`;
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
