import { type Expression, type SqlBool, sql } from 'kysely';
import type { Sql } from './schema.ts';

/** True for domains that the organization's routes may use: everyone's, its own, and those shared with it. */
export function usableByOrganization(organizationGuid: string): Expression<SqlBool> {
  return sql<SqlBool>`(domains.organization_guid is null or domains.organization_guid = ${organizationGuid}
    or domains.guid in (select domain_organizations.domain_guid from domain_organizations
      where domain_organizations.organization_guid = ${organizationGuid}))`;
}

/** Whom private domains are shared with; ask the result for each domain. */
export async function loadSharedOrganizations(
  db: Sql,
  domainGuids: readonly string[],
  /** Undefined: all of them. */
  visible?: Expression<SqlBool>,
): Promise<(domainGuid: string) => readonly string[]> {
  if (domainGuids.length === 0) return () => [];
  const rows = await db
    .selectFrom('domain_organizations')
    .selectAll()
    .where('domain_guid', 'in', domainGuids)
    .where(visible ?? sql<SqlBool>`1 = 1`)
    .orderBy('organization_guid')
    .execute();
  const byDomain = Map.groupBy(rows, (row) => row.domain_guid);
  return (guid) => (byDomain.get(guid) ?? []).map((row) => row.organization_guid);
}
