import { isUniqueViolation } from '@slipway/database';
import type { AppRow, SidecarRow, Sql } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { leavesMemory, type SidecarSettings, tooMuchMemoryFor } from '../domain/lrp/sidecars.ts';
import { notFound, unprocessable } from '../errors.ts';
import { auditApp } from './audit.ts';
import type { Platform } from './platform.ts';
import { lockApp } from './rows.ts';

/** A sidecar with the types of the processes that it runs beside. */
export type Sidecar = SidecarRow & { readonly types: readonly string[] };

/** Whatever of it is absent stays. */
export interface SidecarChange {
  readonly name?: string | undefined;
  readonly command?: string | undefined;
  readonly memoryMb?: number | null | undefined;
  readonly types?: readonly string[] | undefined;
}

/** By guid of the sidecar; sorted. */
export async function loadSidecarTypes(sql: Sql, guids: readonly string[]): Promise<(guid: string) => string[]> {
  if (guids.length === 0) return () => [];
  const rows = await sql
    .selectFrom('sidecar_process_types')
    .selectAll()
    .where('sidecar_guid', 'in', guids)
    .orderBy('type')
    .execute();
  const types = Map.groupBy(rows, (row) => row.sidecar_guid);
  return (guid) => (types.get(guid) ?? []).map(({ type }) => type).sort();
}

/** All of an app, the oldest first. */
export async function sidecarsOf(sql: Sql, appGuid: string): Promise<Sidecar[]> {
  const rows = await sql.selectFrom('sidecars').selectAll().where('app_guid', '=', appGuid).orderBy('id').execute();
  const types = await loadSidecarTypes(
    sql,
    rows.map(({ guid }) => guid),
  );
  return rows.map((row) => ({ ...row, types: types(row.guid) }));
}

export function settingsOf({ name, command, memory_mb, types }: Sidecar): SidecarSettings {
  return { name, command, memoryMb: memory_mb, types };
}

/** Takes effect when the app is restarted. Throws 404, 422. */
export async function createSidecar(
  unit: UnitOfWork,
  platform: Platform,
  appGuid: string,
  wish: SidecarSettings,
): Promise<Sidecar> {
  const app = await lockApp(unit, appGuid);
  if (wish.memoryMb !== null) await requireRoom(unit, appGuid, wish);
  const sidecar = await insertSidecar(unit, platform, appGuid, wish);
  await auditSidecar(unit, app, sidecar);
  return sidecar;
}

/** As above. */
export async function updateSidecar(unit: UnitOfWork, guid: string, change: SidecarChange): Promise<Sidecar> {
  const { sql, now } = unit;
  const { app, sidecar: before } = await lockSidecar(unit, guid);
  const wish: SidecarSettings = {
    name: change.name ?? before.name,
    command: change.command ?? before.command,
    memoryMb: change.memoryMb === undefined ? before.memory_mb : change.memoryMb,
    types: change.types ?? before.types,
  };
  if (change.memoryMb !== undefined || change.types !== undefined) await requireRoom(unit, app.guid, wish, before);
  const row = await sql
    .updateTable('sidecars')
    .set({ name: wish.name, command: wish.command, memory_mb: wish.memoryMb, updated_at: now })
    .where('guid', '=', guid)
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? nameTaken(wish.name) : error;
    });
  if (change.types !== undefined) {
    await sql.deleteFrom('sidecar_process_types').where('sidecar_guid', '=', guid).execute();
    await insertTypes(sql, guid, wish.types);
  }
  const sidecar = { ...row, types: [...new Set(wish.types)].sort() };
  await auditSidecar(unit, app, sidecar);
  return sidecar;
}

/** As above. */
export async function deleteSidecar(unit: UnitOfWork, guid: string): Promise<void> {
  const { app, sidecar } = await lockSidecar(unit, guid);
  await removeSidecars(unit.sql, [guid]);
  await auditApp(unit, app, 'update', { request: { sidecars: [{ name: sidecar.name, deleted: true }] } });
}

/** As a revision has them, instead of those that there are. */
export async function replaceSidecars(
  unit: UnitOfWork,
  platform: Platform,
  appGuid: string,
  wishes: readonly SidecarSettings[],
): Promise<void> {
  await deleteSidecarsOf(unit.sql, appGuid);
  for (const wish of wishes) await insertSidecar(unit, platform, appGuid, wish);
}

export async function deleteSidecarsOf(sql: Sql, appGuid: string): Promise<void> {
  const rows = await sql.selectFrom('sidecars').select('guid').where('app_guid', '=', appGuid).execute();
  const guids = rows.map(({ guid }) => guid);
  if (guids.length > 0) await removeSidecars(sql, guids);
}

/** A process with so much memory has room for its sidecars. Throws 422 with the text. */
export async function requireMemoryForSidecars(
  { sql }: UnitOfWork,
  process: { readonly appGuid: string; readonly type: string; readonly memoryMb: number },
  text: string,
): Promise<void> {
  const beside = (await sidecarsOf(sql, process.appGuid)).filter(({ types }) => types.includes(process.type));
  if (beside.length > 0 && !leavesMemory(process.memoryMb, beside.map(settingsOf))) throw unprocessable(text);
}

async function lockSidecar(
  unit: UnitOfWork,
  guid: string,
): Promise<{ readonly app: AppRow; readonly sidecar: Sidecar }> {
  const found = await unit.sql.selectFrom('sidecars').select('app_guid').where('guid', '=', guid).executeTakeFirst();
  if (found === undefined) throw notFound('Sidecar');
  const app = await lockApp(unit, found.app_guid);
  const sidecar = (await sidecarsOf(unit.sql, app.guid)).find((each) => each.guid === guid);
  if (sidecar === undefined) throw notFound('Sidecar');
  return { app, sidecar };
}

/** Beside each of the app's processes that it is for. Throws 422. */
async function requireRoom(
  { sql }: UnitOfWork,
  appGuid: string,
  wish: SidecarSettings,
  instead?: Sidecar,
): Promise<void> {
  const others = (await sidecarsOf(sql, appGuid)).filter(({ guid }) => guid !== instead?.guid);
  const processes = await sql
    .selectFrom('processes')
    .select(['type', 'memory_mb'])
    .where('app_guid', '=', appGuid)
    .orderBy('id')
    .execute();
  for (const { type, memory_mb: memoryMb } of processes) {
    if (!wish.types.includes(type)) continue;
    const beside = others.filter(({ types }) => types.includes(type)).map(settingsOf);
    if (!leavesMemory(memoryMb, [...beside, wish])) throw unprocessable(tooMuchMemoryFor(type));
  }
}

async function insertSidecar(
  { sql, now }: UnitOfWork,
  platform: Platform,
  appGuid: string,
  wish: SidecarSettings,
): Promise<Sidecar> {
  const row = await sql
    .insertInto('sidecars')
    .values({
      guid: platform.newGuid(),
      created_at: now,
      updated_at: now,
      app_guid: appGuid,
      name: wish.name,
      command: wish.command,
      memory_mb: wish.memoryMb,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? nameTaken(wish.name) : error;
    });
  await insertTypes(sql, row.guid, wish.types);
  return { ...row, types: [...new Set(wish.types)].sort() };
}

async function insertTypes(sql: Sql, guid: string, types: readonly string[]): Promise<void> {
  const values = [...new Set(types)].map((type) => ({ sidecar_guid: guid, type }));
  if (values.length > 0) await sql.insertInto('sidecar_process_types').values(values).execute();
}

async function removeSidecars(sql: Sql, guids: readonly string[]): Promise<void> {
  await sql.deleteFrom('sidecar_process_types').where('sidecar_guid', 'in', guids).execute();
  await sql.deleteFrom('sidecars').where('guid', 'in', guids).execute();
}

/** A command may hold secrets. */
function auditSidecar(unit: UnitOfWork, app: AppRow, { name, memory_mb, types }: Sidecar): Promise<void> {
  const sidecar = { name, memory_in_mb: memory_mb, process_types: types, command: '[PRIVATE DATA HIDDEN]' };
  return auditApp(unit, app, 'update', { request: { sidecars: [sidecar] } });
}

function nameTaken(name: string): Error {
  return unprocessable(`Sidecar with name '${name}' already exists for given app`);
}
