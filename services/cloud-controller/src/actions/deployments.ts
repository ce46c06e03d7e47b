import { loadMetadata, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { AppRow, DeploymentRow, ProcessRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { canaryShare } from '../domain/deployment/canary.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import { notFound, unprocessable } from '../errors.ts';
import { activeDeployment } from './active-deployment.ts';
import { assignDroplet, startApp } from './apps.ts';
import type { Platform } from './platform.ts';
import { renewVersion } from './process-versions.ts';
import { changeProcess, checkLimits, type ProcessChange } from './processes.ts';
import { watchAppQuotas } from './quota-checks.ts';
import { requireFeature } from './require-feature.ts';
import { lockApp, processesOf } from './rows.ts';

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
  const dropletGuid = spec.dropletGuid ?? before.droplet_guid;
  if (dropletGuid === null) {
    throw unprocessable(
      'Invalid droplet. Please specify a droplet in the request or set a current droplet for the app.',
    );
  }
  const app = dropletGuid === before.droplet_guid ? before : await assignDroplet(unit, before.guid, dropletGuid);
  const change = changeOf(spec.scale);
  checkLimits(platform, change);
  const superseded = await activeDeployment(unit.sql, app.guid);
  const web = await webProcessesOf(unit, app.guid);
  const [oldest, newest] = [web[0], web.at(-1)];
  if (oldest === undefined || newest === undefined) throw notFound('Process');
  const target = spec.scale.web_instances ?? superseded?.target_instances ?? newest.instances;
  if (superseded !== undefined) await supersede(unit, superseded);

  const plan = { app, spec, target, dropletGuid, previousDropletGuid: before.droplet_guid };
  if (app.desired_state === 'STOPPED') {
    const started = await changeProcess(unit, platform, newest.guid, { ...change, instances: target });
    await startApp(unit, platform, caller, app.guid);
    return insertDeployment(unit, platform, { ...plan, processGuid: started.guid, state: 'DEPLOYED' });
  }
  const goal = spec.strategy === 'canary' ? canaryShare(spec.canaryWeights, 1, target).canaries : target;
  const withinQuotas = await watchAppQuotas(unit, app.space_guid);
  const process = await cloneProcess(unit, platform, newest, {
    ...change,
    instances: Math.min(spec.maxInFlight, goal),
  });
  await renewVersion(unit, platform, app, process);
  await withinQuotas();
  const state = spec.strategy === 'canary' ? 'PREPAUSED' : 'DEPLOYING';
  unit.log(app.guid, `Creating deployment for app with guid ${app.guid}`);
  return insertDeployment(unit, platform, { ...plan, processGuid: process.guid, state });
}

export async function webProcessesOf(unit: UnitOfWork, appGuid: string): Promise<ProcessRow[]> {
  return (await processesOf(unit, appGuid)).filter(({ type }) => type === 'web');
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
  readonly state: 'DEPLOYING' | 'PREPAUSED' | 'DEPLOYED';
}

async function insertDeployment({ sql, now }: UnitOfWork, platform: Platform, plan: Plan): Promise<DeploymentRow> {
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
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await saveMetadata(sql, 'deployment', guid, spec.metadata);
  return row;
}

/** Its process stays until the new one took over. */
async function supersede(unit: UnitOfWork, deployment: DeploymentRow): Promise<void> {
  await setDeployment(unit, deployment.guid, {
    state: deployment.state === 'DEPLOYING' ? 'DEPLOYED' : 'CANCELED',
    status_value: 'FINALIZED',
    status_reason: 'SUPERSEDED',
  });
}

export async function setDeployment(
  { sql, now }: UnitOfWork,
  guid: string,
  change: Pick<DeploymentRow, 'state' | 'status_value' | 'status_reason'> &
    Partial<Pick<DeploymentRow, 'canary_step' | 'kept_process_guid'>>,
): Promise<void> {
  await sql
    .updateTable('deployments')
    .set({ ...change, status_changed_at: now, updated_at: now })
    .where('guid', '=', guid)
    .execute();
}

/** A deployment to be changed, under its app's lock. Throws 404. */
async function lockDeployment(unit: UnitOfWork, guid: string): Promise<DeploymentRow> {
  const found = await unit.sql.selectFrom('deployments').selectAll().where('guid', '=', guid).executeTakeFirst();
  if (found === undefined) throw notFound('Deployment');
  await lockApp(unit, found.app_guid);
  return unit.sql.selectFrom('deployments').selectAll().where('guid', '=', guid).executeTakeFirstOrThrow();
}

/**
 * Goes back to what ran before: to the newest process of a superseded deployment that runs, else to the oldest. `runs`
 * says whether an instance of a process does. Throws 404, 422.
 */
export async function cancelDeployment(
  unit: UnitOfWork,
  guid: string,
  runs: (process: ProcessRow) => boolean,
): Promise<void> {
  const deployment = await lockDeployment(unit, guid);
  if (deployment.status_value !== 'ACTIVE') {
    throw unprocessable(`Cannot cancel a ${deployment.status_reason} deployment`);
  }
  if (deployment.state === 'CANCELING') return;
  const before = (await webProcessesOf(unit, deployment.app_guid)).filter(
    (process) => process.guid !== deployment.process_guid,
  );
  const kept = before.slice(1).findLast(runs) ?? before[0];
  if (kept === undefined) throw unprocessable('Cannot cancel the deployment: nothing is left of what ran before');
  const running = await unit.sql
    .selectFrom('run_infos')
    .select('droplet_guid')
    .where('process_guid', '=', kept.guid)
    .executeTakeFirst();
  await unit.sql
    .updateTable('apps')
    .set({ droplet_guid: running?.droplet_guid ?? deployment.previous_droplet_guid, updated_at: unit.now })
    .where('guid', '=', deployment.app_guid)
    .execute();
  await setDeployment(unit, guid, {
    state: 'CANCELING',
    status_value: 'ACTIVE',
    status_reason: 'CANCELING',
    kept_process_guid: kept.guid,
  });
  unit.log(deployment.app_guid, `Cancelling deployment with guid ${guid}`);
}

/** From a canary to its next step, or to the rest. Throws 404, 422. */
export async function continueDeployment(unit: UnitOfWork, guid: string): Promise<void> {
  const deployment = await lockDeployment(unit, guid);
  if (deployment.state !== 'PAUSED') {
    const { status_value: value, status_reason: reason } = deployment;
    throw unprocessable(`Cannot continue a deployment with status: ${value} and reason: ${reason}`);
  }
  const { length } = JSON.parse(deployment.canary_weights) as readonly number[];
  const more = deployment.canary_step < length;
  await setDeployment(unit, guid, {
    state: more ? 'PREPAUSED' : 'DEPLOYING',
    status_value: 'ACTIVE',
    status_reason: 'DEPLOYING',
    canary_step: deployment.canary_step + (more ? 1 : 0),
  });
  unit.log(deployment.app_guid, `Continuing deployment with guid ${guid}`);
}
