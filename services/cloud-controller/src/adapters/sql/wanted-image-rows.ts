import { createHash } from 'node:crypto';
import type { ExpressionBuilder } from 'kysely';
import { placementTagsOf } from '../../domain/shared-segment.ts';
import type { Database, Sql } from './schema.ts';
import { LIVE_TASK_STATES } from './task-rows.ts';

/** A droplet whose image may be needed at any time. Credentials are as they are stored. */
export interface WantedImageRow {
  readonly dropletGuid: string;
  readonly app: {
    readonly guid: string;
    readonly name: string;
    readonly spaceGuid: string;
    readonly organizationGuid: string;
  };
  readonly current: boolean;
  readonly username: string | null;
  readonly password: string | null;
  readonly placementTags: readonly string[];
}

const PAGE = 500;

/** Undefined when there is no such droplet, or nothing can start it any more. */
export async function loadWantedImage(sql: Sql, dropletGuid: string): Promise<WantedImageRow | undefined> {
  const rows = await wantedImages(sql).where('droplets.guid', '=', dropletGuid).execute();
  return rows.map(toRow)[0];
}

/** Guid of the droplet to its image, as JSON: most of what there is of a droplet, and never another. */
export async function loadImagesOf(sql: Sql, dropletGuids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (dropletGuids.length === 0) return new Map();
  const rows = await sql.selectFrom('droplets').select(['guid', 'image']).where('guid', 'in', dropletGuids).execute();
  return new Map(rows.map(({ guid, image }) => [guid, image]));
}

/** Every wanted image, in pages. */
export async function* loadWantedImages(sql: Sql): AsyncGenerator<readonly WantedImageRow[]> {
  for (let after = 0; ; ) {
    // Of droplets, wanted or not: PostgreSQL would look at all that are left to find the first that are wanted.
    const page = sql.selectFrom('droplets').select('id').where('id', '>', after).orderBy('id').limit(PAGE);
    const last = (await page.execute()).at(-1)?.id;
    if (last === undefined) return;
    const within = wantedImages(sql).where('droplets.id', '>', after).where('droplets.id', '<=', last);
    yield (await within.execute()).map(toRow);
    after = last;
  }
}

/** Of one app: guid of the droplet to what its record says of it but for what never changes. */
export async function loadWantedImagesOf(sql: Sql, appGuid: string): Promise<ReadonlyMap<string, string>> {
  const rows = await wantedImages(sql).where('droplets.app_guid', '=', appGuid).execute();
  return new Map(rows.map((row) => [row.guid, JSON.stringify([row.is_current, row.name])]));
}

/** The same while the record would be. */
export function versionOf(row: WantedImageRow): string {
  return createHash('sha256').update(JSON.stringify(row)).digest('base64url');
}

type Selected = Awaited<ReturnType<ReturnType<typeof wantedImages>['execute']>>[number];

function toRow(row: Selected): WantedImageRow {
  return {
    dropletGuid: row.guid,
    app: {
      guid: row.app_guid,
      name: row.name,
      spaceGuid: row.space_guid,
      organizationGuid: row.organization_guid,
    },
    current: Number(row.is_current) === 1,
    username: row.username,
    password: row.password,
    placementTags: placementTagsOf(row.segment_name, row.segment_guid),
  };
}

/** It is its app's current one, runs, is deployed or waits in a task. */
function isCurrent(eb: ExpressionBuilder<Database, 'apps' | 'droplets'>) {
  const running = eb
    .selectFrom('processes')
    .innerJoin('run_infos', 'run_infos.process_guid', 'processes.guid')
    .select('processes.guid')
    .whereRef('processes.app_guid', '=', 'apps.guid')
    .whereRef('run_infos.droplet_guid', '=', 'droplets.guid');
  const deployed = eb
    .selectFrom('deployments')
    .select('deployments.guid')
    .whereRef('deployments.app_guid', '=', 'apps.guid')
    .where('deployments.status_value', '=', 'ACTIVE')
    .where(({ or, eb: of, ref }) =>
      or([
        of('deployments.droplet_guid', '=', ref('droplets.guid')),
        of('deployments.previous_droplet_guid', '=', ref('droplets.guid')),
      ]),
    );
  const inTask = eb
    .selectFrom('tasks')
    .select('tasks.guid')
    .whereRef('tasks.app_guid', '=', 'apps.guid')
    .whereRef('tasks.droplet_guid', '=', 'droplets.guid')
    .where('tasks.state', 'in', LIVE_TASK_STATES);
  const assigned = eb('apps.droplet_guid', '=', eb.ref('droplets.guid'));
  return eb.or([assigned, eb.exists(running), eb.exists(deployed), eb.exists(inTask)]);
}

/** With those that a revision can be rolled back to, which it can as long as its droplet is there. */
function wantedImages(sql: Sql) {
  return (
    sql
      .selectFrom('droplets')
      .innerJoin('apps', 'apps.guid', 'droplets.app_guid')
      .innerJoin('spaces', 'spaces.guid', 'apps.space_guid')
      .innerJoin('organizations', 'organizations.guid', 'apps.organization_guid')
      // The space's own segment, else the organization's.
      .leftJoin('isolation_segments', (join) =>
        join.on('isolation_segments.guid', '=', (eb) =>
          eb.fn.coalesce('spaces.isolation_segment_guid', 'organizations.isolation_segment_guid'),
        ),
      )
      .where((eb) =>
        eb.or([
          isCurrent(eb),
          eb.exists(
            eb
              .selectFrom('revisions')
              .select('revisions.guid')
              .whereRef('revisions.app_guid', '=', 'apps.guid')
              .whereRef('revisions.droplet_guid', '=', 'droplets.guid'),
          ),
        ]),
      )
      .select((eb) => [
        'droplets.guid',
        'droplets.app_guid',
        'droplets.username',
        'droplets.password',
        eb.case().when(isCurrent(eb)).then(1).else(0).end().as('is_current'),
        'apps.name',
        'apps.space_guid',
        'apps.organization_guid',
        'isolation_segments.name as segment_name',
        'isolation_segments.guid as segment_guid',
      ])
  );
}
