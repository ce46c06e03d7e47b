import type { Sql } from '../adapters/sql/schema.ts';
import { detectedCommand } from '../domain/lrp/start-command.ts';
import { dropletExecutionSchema } from '../domain/staging/droplet-execution.ts';

/** What an app's image runs when the user says nothing; null without a droplet. */
export async function detectedCommandOf(sql: Sql, appGuid: string): Promise<string | null> {
  const row = await sql
    .selectFrom('apps')
    .innerJoin('droplets', 'droplets.guid', 'apps.droplet_guid')
    .select('droplets.execution')
    .where('apps.guid', '=', appGuid)
    .executeTakeFirst();
  return row === undefined ? null : detectedCommand(dropletExecutionSchema.parse(JSON.parse(row.execution)));
}
