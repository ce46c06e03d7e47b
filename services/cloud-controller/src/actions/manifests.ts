import { usableByOrganization } from '../adapters/sql/domain-rows.ts';
import type { AppRow, DomainRow, JobRow, ProcessRow, Sql } from '../adapters/sql/schema.ts';
import type { UnitOfWork, Writer } from '../adapters/sql/writer.ts';
import type { ManifestApp, ManifestProcess, ManifestService, ManifestSidecar } from '../domain/manifest/manifest.ts';
import { decideProcessChange, type ProcessSettings } from '../domain/manifest/process-change.ts';
import { protocolWarnings } from '../domain/names/route-protocol.ts';
import { ApiError, unprocessable } from '../errors.ts';
import { activeDeployment } from './active-deployment.ts';
import { setFeatures } from './app-features.ts';
import { createApp, updateApp, updateEnvironment } from './apps.ts';
import { auditApp } from './audit.ts';
import { recordJob } from './jobs.ts';
import { applyRoutes } from './manifest-routes.ts';
import type { Platform } from './platform.ts';
import { renewVersion } from './process-versions.ts';
import { changeProcess, createProcess } from './processes.ts';
import { lockApp } from './rows.ts';
import { bindService } from './service-bindings.ts';
import { createSidecar, sidecarsOf, updateSidecar } from './sidecars.ts';

export interface ManifestScope {
  readonly writer: Writer;
  readonly platform: Platform;
  readonly caller: { readonly admin: boolean };
  readonly space: { readonly guid: string; readonly organization_guid: string };
  /** Of the job. */
  readonly operation: string;
}

/**
 * Brings apps into the state that a manifest says. Apps that are missing are made first, and stay whatever becomes of
 * the rest: the cf CLI looks for them. The rest is done for all apps or for none; when it cannot be done, the job says
 * why. Throws 422 when an app cannot be made.
 */
export async function applyManifest(scope: ManifestScope, apps: readonly ManifestApp[]): Promise<JobRow> {
  const { writer, platform, space, operation } = scope;
  await writer.write(async (unit) => {
    for (const app of apps) await ofApp(app, () => createMissingApp(unit, scope, app));
  });
  try {
    return await writer.write(async (unit) => {
      const domains = await domainsOf(unit.sql, space.organization_guid);
      for (const app of apps) await ofApp(app, () => applyApp(unit, scope, domains, app));
      return recordJob(unit, platform, operation, undefined, warningsOf(apps));
    });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status >= 500) throw error;
    return writer.write((unit) => recordJob(unit, platform, operation, error));
  }
}

function warningsOf(apps: readonly ManifestApp[]): string[] {
  const routes = apps.flatMap(({ routes: wish }) => (wish.kind === 'listed' ? wish.routes : []));
  return protocolWarnings(routes.map(({ protocol }) => protocol));
}

/** Problems name the app that they are in. */
async function ofApp(app: ManifestApp, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status >= 500) throw error;
    throw new ApiError('UnprocessableEntity', `For application '${app.name}': ${error.body.detail}`, { cause: error });
  }
}

export function findAppByName(sql: Sql, spaceGuid: string, name: string): Promise<AppRow | undefined> {
  return sql
    .selectFrom('apps')
    .selectAll()
    .where('space_guid', '=', spaceGuid)
    .where((eb) => eb(eb.fn<string>('lower', ['name']), '=', eb.fn<string>('lower', [eb.val(name)])))
    .executeTakeFirst();
}

async function createMissingApp(unit: UnitOfWork, scope: ManifestScope, app: ManifestApp): Promise<void> {
  const { platform, caller, space } = scope;
  if ((await findAppByName(unit.sql, space.guid, app.name)) !== undefined) return;
  if (!app.docker) {
    throw unprocessable('Slipway runs Docker images only: give an image as docker: {image: …} or with --docker-image');
  }
  const spec = { name: app.name, spaceGuid: space.guid, environment: {}, metadata: undefined };
  await createApp(unit, platform, caller, spec);
}

/** The domains of routes that the organization may make. */
function domainsOf(sql: Sql, organizationGuid: string): Promise<DomainRow[]> {
  return sql.selectFrom('domains').selectAll().where(usableByOrganization(organizationGuid)).orderBy('id').execute();
}

async function applyApp(
  unit: UnitOfWork,
  scope: ManifestScope,
  domains: readonly DomainRow[],
  wish: ManifestApp,
): Promise<void> {
  const { platform, caller, space } = scope;
  const found = await findAppByName(unit.sql, space.guid, wish.name);
  if (found === undefined) throw new ApiError('ResourceNotFound', 'App not found');
  const app = await lockApp(unit, found.guid);
  await auditApp(unit, app, 'apply_manifest');
  // Cloud Foundry adds the manifest; there may be secrets in it.
  unit.log(app.guid, `Applied manifest to app with guid ${app.guid}`);
  if (Object.keys(wish.features).length > 0) await setFeatures(unit, app.guid, wish.features);
  for (const process of wish.processes) await applyProcess(unit, platform, app, process);
  for (const sidecar of wish.sidecars) await applySidecar(unit, platform, app, sidecar);
  if (wish.metadata !== undefined) await updateApp(unit, app.guid, { metadata: wish.metadata });
  await applyRoutes(unit, { platform, caller, space, domains }, app, wish.routes);
  if (Object.keys(wish.env).length > 0) await updateEnvironment(unit, platform, app.guid, wish.env);
  for (const service of wish.services) await applyService(unit, scope, app, service);
}

/** Sidecars are told apart by their names; one that is not mentioned stays. */
async function applySidecar(unit: UnitOfWork, platform: Platform, app: AppRow, wish: ManifestSidecar): Promise<void> {
  const existing = (await sidecarsOf(unit.sql, app.guid)).find(({ name }) => name === wish.name);
  if (existing === undefined)
    await createSidecar(unit, platform, app.guid, { ...wish, memoryMb: wish.memoryMb ?? null });
  else await updateSidecar(unit, existing.guid, wish);
}

/** Binds a service instance of the space, if it is not bound yet. */
async function applyService(
  unit: UnitOfWork,
  { platform, space }: ManifestScope,
  app: AppRow,
  wish: ManifestService,
): Promise<void> {
  const instance = await unit.sql
    .selectFrom('service_instances')
    .selectAll()
    .where('space_guid', '=', space.guid)
    .where('name', '=', wish.name)
    .executeTakeFirst();
  if (instance === undefined) throw unprocessable(`Service instance '${wish.name}' not found`);
  const bound = await unit.sql
    .selectFrom('service_bindings')
    .select('guid')
    .where('app_guid', '=', app.guid)
    .where('service_instance_guid', '=', instance.guid)
    .executeTakeFirst();
  if (bound !== undefined) return;
  const binding = { appGuid: app.guid, instance, name: wish.bindingName, metadata: undefined };
  await bindService(unit, platform, binding);
}

/** Of an app that runs, new processes start at once, and instances and routes follow; the rest waits for a restart. */
async function applyProcess(unit: UnitOfWork, platform: Platform, app: AppRow, wish: ManifestProcess): Promise<void> {
  const existing = await newestProcessOf(unit.sql, app.guid, wish.type);
  const process =
    existing ?? (await createProcess(unit, platform, { guid: platform.newGuid(), appGuid: app.guid, type: wish.type }));
  if (existing === undefined) {
    unit.log(app.guid, `Added process: "${process.type}"`);
    await auditApp(unit, app, 'process.create', { process_guid: process.guid, process_type: process.type });
  }
  const decision = decideProcessChange(process, wish);
  if (decision.outcome === 'rejected') throw unprocessable(decision.problem);
  const change = await leaveToDeployment(unit, process, decision.change, wish);
  let changed: ProcessRow = process;
  if (Object.keys(change).length > 0) {
    changed = await changeProcess(unit, platform, process.guid, change, { atRestart: true });
  }
  if (existing === undefined && app.desired_state === 'STARTED') await renewVersion(unit, platform, app, changed);
}

/** While a deployment is under way, it is the one that sets web instances: it learns how many there shall be. */
async function leaveToDeployment(
  unit: UnitOfWork,
  process: ProcessRow,
  change: Partial<ProcessSettings>,
  wish: ManifestProcess,
): Promise<Partial<ProcessSettings>> {
  const deployment = process.type === 'web' ? await activeDeployment(unit.sql, process.app_guid) : undefined;
  if (deployment === undefined) return change;
  if (wish.instances !== undefined) {
    await unit.sql
      .updateTable('deployments')
      .set({ target_instances: wish.instances, updated_at: unit.now })
      .where('guid', '=', deployment.guid)
      .execute();
  }
  const { instances: _, ...rest } = change;
  return rest;
}

function newestProcessOf(sql: Sql, appGuid: string, type: string): Promise<ProcessRow | undefined> {
  return sql
    .selectFrom('processes')
    .selectAll()
    .where('app_guid', '=', appGuid)
    .where('type', '=', type)
    .orderBy('id', 'desc')
    .executeTakeFirst();
}
