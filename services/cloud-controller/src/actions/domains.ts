import { keys } from '@slipway/contracts';
import { isUniqueViolation } from '@slipway/database';
import { sql as rawSql, type SqlBool } from 'kysely';
import { deleteMetadata, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { DomainRow, OrganizationRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import { domainConflict, domainNameProblems, namesAbove } from '../domain/names/domain-name.ts';
import { notFound, unprocessable } from '../errors.ts';
import { auditResource } from './audit.ts';
import type { Platform } from './platform.ts';
import { requireDomainQuota } from './quota-checks.ts';
import { deleteRoute } from './routes.ts';

export interface NewDomain {
  readonly name: string;
  /** Not the public router's: apps find each other by it. */
  readonly internal: boolean;
  /** Undefined: shared with everyone. */
  readonly organization: OrganizationRow | undefined;
  readonly metadata: MetadataUpdate | undefined;
}

/** Throws 422. */
export async function createDomain(unit: UnitOfWork, platform: Platform, spec: NewDomain): Promise<DomainRow> {
  const { sql, now } = unit;
  const name = spec.name.toLowerCase();
  const problems = domainNameProblems(name);
  if (problems.length > 0) throw unprocessable(...problems);
  if (platform.systemHosts.includes(name)) throw unprocessable(`The domain name "${name}" is reserved by the platform`);
  await requireFreeName(unit, name, spec.organization?.guid ?? null);
  const guid = platform.newGuid();
  const row = await sql
    .insertInto('domains')
    .values({
      guid,
      created_at: now,
      updated_at: now,
      name,
      internal: spec.internal ? 1 : 0,
      organization_guid: spec.organization?.guid ?? null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? unprocessable(`The domain name "${name}" is already in use`) : error;
    });
  if (spec.organization !== undefined) await requireDomainQuota(unit, spec.organization);
  await saveMetadata(sql, 'domain', guid, spec.metadata);
  if (spec.internal) await unit.announce('network', keys.internalDomain(name));
  await auditResource(unit, 'domain', 'create', row, {
    organizationGuid: row.organization_guid,
    data: { request: { name, internal: spec.internal } },
  });
  return row;
}

async function requireFreeName({ sql }: UnitOfWork, name: string, organizationGuid: string | null): Promise<void> {
  const near = await sql
    .selectFrom('domains')
    .select(['name', 'organization_guid'])
    .where((eb) =>
      eb.or([
        eb(eb.fn('lower', ['name']), 'in', namesAbove(name)),
        // Names hold no character that LIKE reads as a pattern but the underscore, which is checked again.
        rawSql<SqlBool>`lower(name) like ${`%.${name}`}`,
      ]),
    )
    .execute();
  const existing = near.map((row) => ({ name: row.name, organizationGuid: row.organization_guid }));
  const conflict = domainConflict({ name, organizationGuid }, existing);
  if (conflict?.kind === 'taken') throw unprocessable(`The domain name "${name}" is already in use`);
  if (conflict?.kind === 'overlaps') {
    throw unprocessable(
      `The domain name "${name}" cannot be created because "${conflict.name}" is already reserved by another domain`,
    );
  }
  const route = await sql
    .selectFrom('routes')
    .innerJoin('domains', 'domains.guid', 'routes.domain_guid')
    .select('routes.id')
    .where(rawSql<SqlBool>`routes.host || '.' || lower(domains.name) = ${name}`)
    .limit(1)
    .executeTakeFirst();
  if (route !== undefined) {
    throw unprocessable(`The domain name "${name}" cannot be created because "${name}" is already reserved by a route`);
  }
}

/** Throws 404. */
export async function updateDomain(
  unit: UnitOfWork,
  guid: string,
  metadata: MetadataUpdate | undefined,
): Promise<DomainRow> {
  const { sql, now } = unit;
  await saveMetadata(sql, 'domain', guid, metadata);
  const row = await sql
    .updateTable('domains')
    .set({ updated_at: now })
    .where('guid', '=', guid)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw notFound('Domain');
  const organizationGuid = row.organization_guid;
  await auditResource(unit, 'domain', 'update', row, { organizationGuid, data: { request: { metadata } } });
  return row;
}

/** A domain with its routes, whoever's they are: apps are not reached by them any more. */
export async function deleteDomain(unit: UnitOfWork, platform: Platform, guid: string): Promise<void> {
  const { sql } = unit;
  const routes = await sql.selectFrom('routes').select('guid').where('domain_guid', '=', guid).orderBy('id').execute();
  for (const route of routes) await deleteRoute(unit, platform, route.guid);
  await deleteMetadata(sql, [guid]);
  await sql.deleteFrom('domain_organizations').where('domain_guid', '=', guid).execute();
  const row = await sql.deleteFrom('domains').where('guid', '=', guid).returningAll().executeTakeFirst();
  if (row === undefined) return;
  if (row.internal === 1) await unit.announce('network', keys.internalDomain(row.name));
  await auditResource(unit, 'domain', 'delete-request', row, { organizationGuid: row.organization_guid });
}
