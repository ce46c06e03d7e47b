import { isUniqueViolation } from '@slipway/database';
import { deleteMetadata, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { IsolationSegmentRow, Sql } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import { SHARED_SEGMENT } from '../domain/shared-segment.ts';
import { unprocessable } from '../errors.ts';
import { auditResource } from './audit.ts';
import type { Platform } from './platform.ts';

/** Throws 422 when the name is taken. */
export async function createIsolationSegment(
  unit: UnitOfWork,
  platform: Platform,
  spec: { readonly name: string; readonly metadata: MetadataUpdate | undefined },
): Promise<IsolationSegmentRow> {
  const { sql, now } = unit;
  const guid = platform.newGuid();
  const row = await sql
    .insertInto('isolation_segments')
    .values({ guid, created_at: now, updated_at: now, name: spec.name })
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? taken() : error;
    });
  await saveMetadata(sql, 'isolation_segment', guid, spec.metadata);
  await auditResource(unit, 'isolation_segment', 'create', row, { data: { request: { name: spec.name } } });
  return row;
}

/** Throws 422 when the name is taken, or in use: cells carry it as their placement tag. */
export async function updateIsolationSegment(
  unit: UnitOfWork,
  segment: IsolationSegmentRow,
  change: { readonly name: string | undefined; readonly metadata: MetadataUpdate | undefined },
): Promise<IsolationSegmentRow> {
  requireOwn(segment, 'update');
  const { sql, now } = unit;
  const { guid } = segment;
  const name = change.name ?? segment.name;
  if (name !== segment.name) await requireUnused(sql, guid, 'Cannot update the name of');
  await saveMetadata(sql, 'isolation_segment', guid, change.metadata);
  await auditResource(unit, 'isolation_segment', 'update', segment, { data: { request: change } });
  return sql
    .updateTable('isolation_segments')
    .set({ name, updated_at: now })
    .where('guid', '=', guid)
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? taken() : error;
    });
}

/** Throws 422 while an organization is entitled to it. */
export async function deleteIsolationSegment(unit: UnitOfWork, segment: IsolationSegmentRow): Promise<void> {
  requireOwn(segment, 'delete');
  const { sql } = unit;
  const { guid } = segment;
  await requireUnused(sql, guid, 'Cannot delete');
  await deleteMetadata(sql, [guid]);
  const row = await sql.deleteFrom('isolation_segments').where('guid', '=', guid).returningAll().executeTakeFirst();
  if (row !== undefined) await auditResource(unit, 'isolation_segment', 'delete', row);
}

async function requireUnused(sql: Sql, guid: string, what: string): Promise<void> {
  const entitled = await sql
    .selectFrom('isolation_segment_organizations')
    .select('segment_guid')
    .where('segment_guid', '=', guid)
    .limit(1)
    .executeTakeFirst();
  if (entitled !== undefined) {
    throw unprocessable(
      `${what} an isolation segment that organizations are entitled to. Revoke the Organization entitlements for your Isolation Segment first.`,
    );
  }
}

/** Lets organizations use a segment. Throws 422 when one is not there. */
export async function entitleOrganizations(
  unit: UnitOfWork,
  segment: Pick<IsolationSegmentRow, 'guid' | 'name'>,
  organizationGuids: readonly string[],
): Promise<void> {
  const { sql } = unit;
  const segmentGuid = segment.guid;
  const wanted = [...new Set(organizationGuids)];
  if (wanted.length === 0) return;
  const found = await sql.selectFrom('organizations').select('guid').where('guid', 'in', wanted).execute();
  const missing = wanted.filter((guid) => !found.some((row) => row.guid === guid));
  if (missing.length > 0) {
    throw unprocessable(
      `Unable to entitle organizations [${missing.join(', ')}] for isolation segment ${segmentGuid}. Ensure the organizations exist and that you have access to them.`,
    );
  }
  const added = await sql
    .insertInto('isolation_segment_organizations')
    .values(wanted.map((guid) => ({ segment_guid: segmentGuid, organization_guid: guid })))
    .onConflict((conflict) => conflict.doNothing())
    .returning('organization_guid')
    .execute();
  for (const { organization_guid: organizationGuid } of added) {
    await auditResource(unit, 'isolation_segment', 'entitle', segment, {
      organizationGuid,
      data: { organization_guid: organizationGuid },
    });
  }
}

/** Throws 422 while the organization or one of its spaces uses the segment. */
export async function revokeOrganization(
  unit: UnitOfWork,
  segment: Pick<IsolationSegmentRow, 'guid' | 'name'>,
  organizationGuid: string,
): Promise<void> {
  const { sql } = unit;
  const segmentGuid = segment.guid;
  const isDefault = await sql
    .selectFrom('organizations')
    .select('id')
    .where('guid', '=', organizationGuid)
    .where('isolation_segment_guid', '=', segmentGuid)
    .executeTakeFirst();
  const used = await sql
    .selectFrom('spaces')
    .select('id')
    .where('organization_guid', '=', organizationGuid)
    .where('isolation_segment_guid', '=', segmentGuid)
    .limit(1)
    .executeTakeFirst();
  if (isDefault !== undefined || used !== undefined) {
    throw unprocessable(
      'Cannot remove the entitlement while this Isolation Segment is assigned to the organization or to one of its spaces.',
    );
  }
  const { numDeletedRows } = await sql
    .deleteFrom('isolation_segment_organizations')
    .where('segment_guid', '=', segmentGuid)
    .where('organization_guid', '=', organizationGuid)
    .executeTakeFirst();
  if (numDeletedRows === 0n) return;
  await auditResource(unit, 'isolation_segment', 'revoke', segment, {
    organizationGuid,
    data: { organization_guid: organizationGuid },
  });
}

/** Takes effect at the next restart of an app. Null: none. Throws 422 when the organization may not use it. */
export async function assignIsolationSegment(
  unit: UnitOfWork,
  to: { readonly table: 'organizations' | 'spaces'; readonly guid: string; readonly organizationGuid: string },
  segmentGuid: string | null,
): Promise<void> {
  const { sql, now } = unit;
  if (segmentGuid !== null) {
    const entitled = await sql
      .selectFrom('isolation_segment_organizations')
      .select('segment_guid')
      .where('segment_guid', '=', segmentGuid)
      .where('organization_guid', '=', to.organizationGuid)
      .executeTakeFirst();
    if (entitled === undefined) {
      const what = to.table === 'spaces' ? 'isolation segment' : 'default isolation segment';
      throw unprocessable(
        `Unable to assign ${what} with guid '${segmentGuid}'. Ensure it has been entitled to the organization that this belongs to.`,
      );
    }
  }
  const row = await sql
    .updateTable(to.table)
    .set({ isolation_segment_guid: segmentGuid, updated_at: now })
    .where('guid', '=', to.guid)
    .returning(['guid', 'name'])
    .executeTakeFirst();
  if (row === undefined) return;
  const { organizationGuid } = to;
  if (to.table === 'spaces') {
    const data = { request: { isolation_segment_guid: segmentGuid } };
    await auditResource(unit, 'space', 'update', row, { spaceGuid: row.guid, organizationGuid, data });
  } else {
    const data = { request: { default_isolation_segment_guid: segmentGuid } };
    await auditResource(unit, 'organization', 'update', row, { organizationGuid, data });
  }
}

function requireOwn(segment: Pick<IsolationSegmentRow, 'guid' | 'name'>, what: string): void {
  if (segment.guid === SHARED_SEGMENT.guid) throw unprocessable(`Cannot ${what} the ${segment.name} Isolation Segment`);
}

function taken(): Error {
  return unprocessable('Isolation Segment names are case insensitive and must be unique');
}
