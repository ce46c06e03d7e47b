import type { DeploymentRow, ProcessRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { notFound, unprocessable } from '../errors.ts';
import { auditAppOf } from './audit.ts';
import { lockApp, processesOf } from './rows.ts';

export async function webProcessesOf(unit: UnitOfWork, appGuid: string): Promise<ProcessRow[]> {
  return (await processesOf(unit, appGuid)).filter(({ type }) => type === 'web');
}

/** Its process stays until the new one took over. */
export async function supersede(unit: UnitOfWork, deployment: DeploymentRow): Promise<void> {
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
  const data = { deployment_guid: guid, droplet_guid: running?.droplet_guid ?? deployment.previous_droplet_guid };
  await auditAppOf(unit, deployment.app_guid, 'deployment.cancel', data);
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
  const data = { deployment_guid: guid, droplet_guid: deployment.droplet_guid };
  await auditAppOf(unit, deployment.app_guid, 'deployment.continue', data);
  unit.log(deployment.app_guid, `Continuing deployment with guid ${guid}`);
}
