import { type MetadataOwner, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import { auditAppOf } from './audit.ts';

/** Labels and annotations of what belongs to an app. */
export async function updateMetadataOfApp(
  unit: UnitOfWork,
  owner: Extract<MetadataOwner, 'package' | 'build' | 'droplet' | 'deployment' | 'revision' | 'task'>,
  row: { readonly guid: string; readonly app_guid: string },
  metadata: MetadataUpdate | undefined,
): Promise<void> {
  await saveMetadata(unit.sql, owner, row.guid, metadata);
  await auditAppOf(unit, row.app_guid, `${owner}.update`, { [`${owner}_guid`]: row.guid, request: { metadata } });
}
