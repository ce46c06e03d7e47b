import { isUniqueViolation } from '@slipway/database';
import { deleteMetadata, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { IsolationSegmentRow, Sql } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import { unprocessable } from '../errors.ts';
import type { Platform } from './platform.ts';

/** Throws 422 when the name is taken. */
export async function createIsolationSegment(
  { sql, now }: UnitOfWork,
  platform: Platform,
  spec: { readonly name: string; readonly metadata: MetadataUpdate | undefined },
): Promise<IsolationSegmentRow> {
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
  return row;
}

/** Throws 422 when the name is taken, or in use: cells carry it as their placement tag. */
export async function updateIsolationSegment(
  { sql, now }: UnitOfWork,
  segment: IsolationSegmentRow,
  change: { readonly name: string | undefined; readonly metadata: MetadataUpdate | undefined },
): Promise<IsolationSegmentRow> {
  const { guid } = segment;
  const name = change.name ?? segment.name;
  if (name !== segment.name) await requireUnused(sql, guid, 'Cannot update the name of');
  await saveMetadata(sql, 'isolation_segment', guid, change.metadata);
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
export async function deleteIsolationSegment({ sql }: UnitOfWork, guid: string): Promise<void> {
  await requireUnused(sql, guid, 'Cannot delete');
  await deleteMetadata(sql, [guid]);
  await sql.deleteFrom('isolation_segments').where('guid', '=', guid).execute();
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
  { sql }: UnitOfWork,
  segmentGuid: string,
  organizationGuids: readonly string[],
): Promise<void> {
  const wanted = [...new Set(organizationGuids)];
  if (wanted.length === 0) return;
  const found = await sql.selectFrom('organizations').select('guid').where('guid', 'in', wanted).execute();
  const missing = wanted.filter((guid) => !found.some((row) => row.guid === guid));
  if (missing.length > 0) {
    throw unprocessable(
      `Unable to entitle organizations [${missing.join(', ')}] for isolation segment ${segmentGuid}. Ensure the organizations exist and that you have access to them.`,
    );
  }
  await sql
    .insertInto('isolation_segment_organizations')
    .values(wanted.map((guid) => ({ segment_guid: segmentGuid, organization_guid: guid })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Throws 422 while the organization or one of its spaces uses the segment. */
export async function revokeOrganization(
  { sql }: UnitOfWork,
  segmentGuid: string,
  organizationGuid: string,
): Promise<void> {
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
  await sql
    .deleteFrom('isolation_segment_organizations')
    .where('segment_guid', '=', segmentGuid)
    .where('organization_guid', '=', organizationGuid)
    .execute();
}

/** Takes effect at the next restart of an app. Null: none. Throws 422 when the organization may not use it. */
export async function assignIsolationSegment(
  { sql, now }: UnitOfWork,
  to: { readonly table: 'organizations' | 'spaces'; readonly guid: string; readonly organizationGuid: string },
  segmentGuid: string | null,
): Promise<void> {
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
  await sql
    .updateTable(to.table)
    .set({ isolation_segment_guid: segmentGuid, updated_at: now })
    .where('guid', '=', to.guid)
    .execute();
}

function taken(): Error {
  return unprocessable('Isolation Segment names are case insensitive and must be unique');
}
