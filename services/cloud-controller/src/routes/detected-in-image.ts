import type { Sql } from '../adapters/sql/schema.ts';
import { userOf } from '../domain/lrp/run-info.ts';
import { detectedCommand } from '../domain/lrp/start-command.ts';
import { dropletExecutionSchema } from '../domain/staging/droplet-execution.ts';

/** What an image runs, and as whom, when the user of the app says nothing. */
export interface DetectedInImage {
  readonly command: string;
  readonly user: string;
}

/** Of the current droplets of apps; undefined for one that has none. */
export async function detectedIn(
  sql: Sql,
  appGuids: readonly string[],
): Promise<(appGuid: string) => DetectedInImage | undefined> {
  if (appGuids.length === 0) return () => undefined;
  const rows = await sql
    .selectFrom('apps')
    .innerJoin('droplets', 'droplets.guid', 'apps.droplet_guid')
    .select(['apps.guid', 'droplets.execution'])
    .where('apps.guid', 'in', [...new Set(appGuids)])
    .execute();
  const found = new Map(
    rows.map(({ guid, execution }) => {
      const image = dropletExecutionSchema.parse(JSON.parse(execution));
      return [guid, { command: detectedCommand(image), user: userOf(null, image) }] as const;
    }),
  );
  return (appGuid) => found.get(appGuid);
}
