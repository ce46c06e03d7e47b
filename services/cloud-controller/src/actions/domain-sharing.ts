import type { DomainRow, OrganizationRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { unprocessable } from '../errors.ts';
import { auditResource } from './audit.ts';

/** Lets more organizations use a private domain (cloud_controller_ng `domain_update_shared_orgs.rb`). Throws 422. */
export async function shareDomain(
  unit: UnitOfWork,
  domain: DomainRow,
  organizationGuids: readonly string[],
): Promise<void> {
  if (domain.organization_guid === null) {
    throw unprocessable('Domains cannot be shared with other organizations unless they are scoped to an organization.');
  }
  if (organizationGuids.includes(domain.organization_guid)) {
    throw unprocessable('Domain cannot be shared with owning organization.');
  }
  const rows = [...new Set(organizationGuids)].map((guid) => ({ domain_guid: domain.guid, organization_guid: guid }));
  if (rows.length === 0) return;
  const added = await unit.sql
    .insertInto('domain_organizations')
    .values(rows)
    .onConflict((conflict) => conflict.doNothing())
    .returning('organization_guid')
    .execute();
  if (added.length === 0) return;
  await auditResource(unit, 'domain', 'share', domain, {
    organizationGuid: domain.organization_guid,
    data: { target_organization_guids: added.map((row) => row.organization_guid) },
  });
}

/** Takes a private domain from an organization that it was shared with. Throws 422 while that one has routes on it. */
export async function unshareDomain(
  unit: UnitOfWork,
  domain: DomainRow,
  organization: Pick<OrganizationRow, 'guid' | 'name'>,
): Promise<void> {
  const { sql } = unit;
  const routes = await sql
    .selectFrom('routes')
    .innerJoin('spaces', 'spaces.guid', 'routes.space_guid')
    .select('routes.id')
    .where('routes.domain_guid', '=', domain.guid)
    .where('spaces.organization_guid', '=', organization.guid)
    .limit(1)
    .executeTakeFirst();
  const { numDeletedRows } = await sql
    .deleteFrom('domain_organizations')
    .where('domain_guid', '=', domain.guid)
    .where('organization_guid', '=', organization.guid)
    .executeTakeFirst();
  if (numDeletedRows === 0n) {
    throw unprocessable(
      `Unable to unshare domain from organization with name '${organization.name}'. Ensure the domain is shared to this organization.`,
    );
  }
  if (routes !== undefined) {
    throw unprocessable('This domain has associated routes in this organization. Delete the routes before unsharing.');
  }
  await auditResource(unit, 'domain', 'unshare', domain, {
    organizationGuid: domain.organization_guid,
    data: { target_organization_guid: organization.guid },
  });
}
