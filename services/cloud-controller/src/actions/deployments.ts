import { loadMetadata, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { AppRow, DeploymentRow, ProcessRow, RevisionRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { canaryShare } from '../domain/deployment/canary.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import { notFound, unprocessable } from '../errors.ts';
import { activeDeployment } from './active-deployment.ts';
import { assignDroplet, startApp } from './apps.ts';
import { auditApp } from './audit.ts';
import { encryptEnvironment, type Platform } from './platform.ts';
import { renewVersion } from './process-versions.ts';
import { changeProcess, checkLimits, NO_ROOM_FOR_SIDECARS, type ProcessChange } from './processes.ts';
import { pruneDeployments } from './prune.ts';
import { watchAppQuotas } from './quota-checks.ts';
import { requireFeature } from './require-feature.ts';
import { noteRevision, revisionToDeploy, versionOf } from './revisions.ts';
import { lockApp, processesOf } from './rows.ts';
import { replaceSidecars, requireMemoryForSidecars } from './sidecars.ts';
import { supersede, webProcessesOf } from './steer-deployments.ts';

/** What the new web process shall have; null: as the one before. */
export interface ScaleOptions {
  readonly web_instances: number | null;
  readonly memory_in_mb: number | null;
  readonly disk_in_mb: number | null;
  readonly log_rate_limit_in_bytes_per_second: number | null;
}

export interface NewDeployment {
  readonly appGuid: string;
  /** Undefined: the current one. */
  readonly dropletGuid: string | undefined;
  /** To go back to: its droplet, environment and commands. */
  readonly revisionGuid: string | undefined;
  readonly strategy: DeploymentRow['strategy'];
  readonly maxInFlight: number;
  readonly canaryWeights: readonly number[];
  readonly scale: ScaleOptions;
  readonly metadata: MetadataUpdate | undefined;
}

/**
 * Starts a droplet beside the one that runs (cloud_controller_ng `deployment_create.rb`). A stopped app is just started.
 * Throws 403, 404, 422.
 */
export async function createDeployment(
  unit: UnitOfWork,
  platform: Platform,
  caller: { readonly admin: boolean },
  spec: NewDeployment,
): Promise<DeploymentRow> {
  const before = await lockApp(unit, spec.appGuid);
  await requireFeature(unit.sql, 'diego_docker', caller);
  const revision =
    spec.revisionGuid === undefined ? undefined : await revisionToDeploy(unit, platform, before, spec.revisionGuid);
  const dropletGuid = revision?.droplet_guid ?? spec.dropletGuid ?? before.droplet_guid;
  if (dropletGuid === null) {
    throw unprocessable(
      'Invalid droplet. Please specify a droplet in the request or set a current droplet for the app.',
    );
  }
  const assigned = dropletGuid === before.droplet_guid ? before : await assignDroplet(unit, before.guid, dropletGuid);
  const app = revision === undefined ? assigned : await restoreRevision(unit, platform, assigned, revision);
  const webCommand = revision === undefined ? {} : { command: versionOf(platform, revision).commands.web ?? null };
  const change = { ...changeOf(spec.scale), ...webCommand };
  checkLimits(platform, change);
  await requireRoomFor(unit, app.guid, change.memory_mb);
  const superseded = await activeDeployment(unit.sql, app.guid);
  const web = await webProcessesOf(unit, app.guid);
  const [oldest, newest] = [web[0], web.at(-1)];
  if (oldest === undefined || newest === undefined) throw notFound('Process');
  const target = spec.scale.web_instances ?? superseded?.target_instances ?? newest.instances;
  if (superseded !== undefined) await supersede(unit, superseded);

  const plan = { app, spec, target, dropletGuid, previousDropletGuid: before.droplet_guid };
  if (app.desired_state === 'STOPPED') {
    const started = await changeProcess(unit, platform, newest.guid, { ...change, instances: target });
    const noted = await noteRevision(unit, platform, app, [], revision);
    await startApp(unit, platform, caller, app.guid);
    const revisionGuid = noted?.guid ?? null;
    return insertDeployment(unit, platform, { ...plan, processGuid: started.guid, revisionGuid, state: 'DEPLOYED' });
  }
  const goal = spec.strategy === 'canary' ? canaryShare(spec.canaryWeights, 1, target).canaries : target;
  const withinQuotas = await watchAppQuotas(unit, app.space_guid);
  const process = await cloneProcess(unit, platform, newest, {
    ...change,
    instances: Math.min(spec.maxInFlight, goal),
  });
  const noted = await noteRevision(unit, platform, app, [process.guid], revision);
  await renewVersion(unit, platform, app, process);
  await withinQuotas();
  const state = spec.strategy === 'canary' ? 'PREPAUSED' : 'DEPLOYING';
  unit.log(app.guid, `Creating deployment for app with guid ${app.guid}`);
  return insertDeployment(unit, platform, {
    ...plan,
    processGuid: process.guid,
    revisionGuid: noted?.guid ?? null,
    state,
  });
}

/** Gives the app a revision's environment and sidecars, and its processes but web their commands; the web process is made anew. */
async function restoreRevision(
  unit: UnitOfWork,
  platform: Platform,
  app: AppRow,
  revision: RevisionRow,
): Promise<AppRow> {
  const { environment, commands, sidecars } = versionOf(platform, revision);
  await replaceSidecars(unit, platform, app.guid, sidecars);
  const others = (await processesOf(unit, app.guid)).filter(({ type }) => type !== 'web');
  for (const { guid, type } of others) {
    await unit.sql
      .updateTable('processes')
      .set({ command: commands[type] ?? null, updated_at: unit.now })
      .where('guid', '=', guid)
      .execute();
  }
  return unit.sql
    .updateTable('apps')
    .set({ environment_variables: encryptEnvironment(platform.vault, app.guid, environment), updated_at: unit.now })
    .where('guid', '=', app.guid)
    .returningAll()
    .executeTakeFirstOrThrow();
}

async function requireRoomFor(unit: UnitOfWork, appGuid: string, memoryMb: number | undefined): Promise<void> {
  if (memoryMb === undefined) return;
  await requireMemoryForSidecars(unit, { appGuid, type: 'web', memoryMb }, NO_ROOM_FOR_SIDECARS);
}

function changeOf(scale: ScaleOptions): ProcessChange {
  return {
    ...(scale.memory_in_mb === null ? {} : { memory_mb: scale.memory_in_mb }),
    ...(scale.disk_in_mb === null ? {} : { disk_mb: scale.disk_in_mb }),
    ...(scale.log_rate_limit_in_bytes_per_second === null
      ? {}
      : { log_rate_bytes_per_second: scale.log_rate_limit_in_bytes_per_second }),
  };
}

async function cloneProcess(
  unit: UnitOfWork,
  platform: Platform,
  template: ProcessRow,
  change: ProcessChange,
): Promise<ProcessRow> {
  const { sql, now } = unit;
  const { id: _, ...settings } = template;
  const guid = platform.newGuid();
  const row = await sql
    .insertInto('processes')
    .values({ ...settings, ...change, guid, created_at: now, updated_at: now, version: platform.newGuid() })
    .returningAll()
    .executeTakeFirstOrThrow();
  await saveMetadata(sql, 'process', guid, (await loadMetadata(sql, [template.guid]))(template.guid));
  return row;
}

interface Plan {
  readonly app: AppRow;
  readonly spec: NewDeployment;
  readonly target: number;
  readonly dropletGuid: string;
  readonly previousDropletGuid: string | null;
  readonly processGuid: string;
  readonly revisionGuid: string | null;
  readonly state: 'DEPLOYING' | 'PREPAUSED' | 'DEPLOYED';
}

async function insertDeployment(unit: UnitOfWork, platform: Platform, plan: Plan): Promise<DeploymentRow> {
  const { sql, now } = unit;
  const { spec, state } = plan;
  const guid = platform.newGuid();
  const row = await sql
    .insertInto('deployments')
    .values({
      guid,
      created_at: now,
      updated_at: now,
      app_guid: plan.app.guid,
      strategy: spec.strategy,
      state,
      status_value: state === 'DEPLOYED' ? 'FINALIZED' : 'ACTIVE',
      status_reason: state === 'DEPLOYED' ? 'DEPLOYED' : 'DEPLOYING',
      status_changed_at: now,
      last_healthy_at: now,
      max_in_flight: spec.maxInFlight,
      canary_weights: JSON.stringify(spec.canaryWeights),
      canary_step: 1,
      target_instances: plan.target,
      scale_options: JSON.stringify(spec.scale),
      droplet_guid: plan.dropletGuid,
      previous_droplet_guid: plan.previousDropletGuid,
      process_guid: plan.processGuid,
      kept_process_guid: null,
      revision_guid: plan.revisionGuid,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await saveMetadata(sql, 'deployment', guid, spec.metadata);
  await auditApp(unit, plan.app, 'deployment.create', {
    deployment_guid: guid,
    droplet_guid: plan.dropletGuid,
    revision_guid: plan.revisionGuid,
    type: spec.revisionGuid === undefined ? 'deploy' : 'rollback',
    strategy: spec.strategy,
    request: { max_in_flight: spec.maxInFlight, canary_weights: spec.canaryWeights, ...spec.scale },
  });
  await pruneDeployments(unit, plan.app.guid);
  return row;
}
