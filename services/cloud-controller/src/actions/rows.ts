import { databaseEngine } from '@slipway/database';
import type { AppRow, ProcessRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { notFound } from '../errors.ts';
import { trackAppUsage } from './app-usage-events.ts';
import { trackWantedImages } from './wanted-images.ts';

/**
 * An app to be changed. On PostgreSQL its row is locked, so that two changes of one app come one after the other; SQLite
 * has one writer anyway. What the app uses more or less by the change is noted, and which
 * images cells shall keep of it. Throws 404.
 */
export async function lockApp(unit: UnitOfWork, guid: string): Promise<AppRow> {
  const { sql } = unit;
  const query = sql.selectFrom('apps').selectAll().where('guid', '=', guid);
  const app = await (databaseEngine(sql) === 'postgres' ? query.forUpdate() : query).executeTakeFirst();
  if (app === undefined) throw notFound('App');
  await unit.once(`usage of ${guid}`, () => trackAppUsage(unit, app));
  await trackWantedImages(unit, guid);
  return app;
}

/** In the order in which they were made; the first web process is the app's own. */
export function processesOf({ sql }: UnitOfWork, appGuid: string): Promise<ProcessRow[]> {
  return sql.selectFrom('processes').selectAll().where('app_guid', '=', appGuid).orderBy('id').execute();
}
