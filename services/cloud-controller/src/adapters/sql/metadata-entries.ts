import { sql as raw } from 'kysely';
import { exceedsLimit, METADATA_LIMITS, type Metadata, type MetadataUpdate } from '../../domain/metadata.ts';
import { ApiError } from '../../errors.ts';
import type { Database, Sql } from './schema.ts';

/** Whatever has labels and annotations, and the table that it is in. */
const tables = {
  organization: 'organizations',
  space: 'spaces',
  user: 'users',
  isolation_segment: 'isolation_segments',
  domain: 'domains',
  app: 'apps',
  process: 'processes',
  package: 'packages',
  build: 'builds',
  droplet: 'droplets',
  deployment: 'deployments',
  revision: 'revisions',
  task: 'tasks',
  service_instance: 'service_instances',
  service_binding: 'service_bindings',
  route: 'routes',
  registry_credentials: 'registry_credentials',
} as const satisfies Record<string, keyof Database>;
export type MetadataOwner = keyof typeof tables;

const ownersByTable = new Map<string, MetadataOwner>(
  Object.entries(tables).map(([owner, table]) => [table, owner as MetadataOwner]),
);

/** Undefined for tables whose rows have neither. */
export function metadataOwnerOf(table: keyof Database): MetadataOwner | undefined {
  return ownersByTable.get(table);
}

const none: Metadata = { labels: {}, annotations: {} };

/** Labels and annotations of several resources; ask the result for each guid. */
export async function loadMetadata(sql: Sql, guids: readonly string[]): Promise<(guid: string) => Metadata> {
  if (guids.length === 0) return () => none;
  const rows = await sql
    .selectFrom('metadata_entries')
    .select(['kind', 'resource_guid', 'key', 'value'])
    .where('resource_guid', 'in', guids)
    .orderBy('key')
    .execute();
  const byGuid = Map.groupBy(rows, (row) => row.resource_guid);
  return (guid) => {
    const entries = byGuid.get(guid);
    if (entries === undefined) return none;
    const of = (kind: 'label' | 'annotation'): Record<string, string> =>
      Object.fromEntries(entries.filter((entry) => entry.kind === kind).map(({ key, value }) => [key, value]));
    return { labels: of('label'), annotations: of('annotation') };
  };
}

/** Merges into what is there; null removes. Throws 422 when there would be more than a resource may have. */
export async function saveMetadata(
  sql: Sql,
  owner: MetadataOwner,
  guid: string,
  update: MetadataUpdate | undefined,
): Promise<void> {
  const id = raw<number>`(select id from ${raw.table(tables[owner])} where guid = ${guid})`;
  for (const [kind, entries] of [
    ['label', update?.labels ?? {}],
    ['annotation', update?.annotations ?? {}],
  ] as const) {
    const given = Object.keys(entries);
    if (given.length === 0) continue;
    const there = await sql
      .selectFrom('metadata_entries')
      .select('key')
      .where('resource_guid', '=', guid)
      .where('kind', '=', kind)
      .execute();
    const keys = there.map(({ key }) => key);
    if (exceedsLimit(kind, keys, entries)) {
      const text = `${given.length} ${kind}s because it would exceed maximum of ${METADATA_LIMITS[kind]}`;
      throw new ApiError(kind === 'label' ? 'LabelLimitExceeded' : 'AnnotationLimitExceeded', text);
    }
    const replaced = keys.filter((key) => Object.hasOwn(entries, key));
    if (replaced.length > 0) {
      await sql
        .deleteFrom('metadata_entries')
        .where('resource_guid', '=', guid)
        .where('kind', '=', kind)
        .where('key', 'in', replaced)
        .execute();
    }
    const kept = Object.entries(entries).flatMap(([key, value]) =>
      value === null ? [] : [{ kind, resource_type: owner, resource_guid: guid, resource_id: id, key, value }],
    );
    if (kept.length > 0) await sql.insertInto('metadata_entries').values(kept).execute();
  }
}

export async function deleteMetadata(sql: Sql, guids: readonly string[]): Promise<void> {
  if (guids.length === 0) return;
  await sql.deleteFrom('metadata_entries').where('resource_guid', 'in', guids).execute();
}
