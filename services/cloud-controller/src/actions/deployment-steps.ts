import { deleteMetadata } from '../adapters/sql/metadata-entries.ts';
import type { DeploymentRow, ProcessRow, Sql } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { decideStep, type StepDecision, type StepInput, type WebProcess } from '../domain/deployment/decide-step.ts';
import type { Platform } from './platform.ts';
import { endVersion, renewVersion, touchVersion } from './process-versions.ts';
import { watchAppQuotas } from './quota-checks.ts';
import { lockApp, processesOf } from './rows.ts';
import { setDeployment } from './steer-deployments.ts';

/** What runs of a process now. */
export type Observe = (process: ProcessRow) => Omit<WebProcess, 'guid' | 'instances'>;

interface Step {
  readonly deployment: DeploymentRow;
  readonly wanted: ProcessRow;
  readonly others: readonly ProcessRow[];
  readonly decision: StepDecision;
}

const underWay = ['DEPLOYING', 'PREPAUSED', 'CANCELING'] as const;

/** Deployments that move on their own. */
export async function deploymentsUnderWay(sql: Sql): Promise<string[]> {
  const rows = await sql
    .selectFrom('deployments')
    .select('guid')
    .where('status_value', '=', 'ACTIVE')
    .where('state', 'in', underWay)
    .orderBy('id')
    .execute();
  return rows.map(({ guid }) => guid);
}

/** The step that a deployment is due for; undefined when it does not move, or is gone. */
export async function dueStep(sql: Sql, guid: string, observe: Observe): Promise<Step | undefined> {
  const deployment = await sql.selectFrom('deployments').selectAll().where('guid', '=', guid).executeTakeFirst();
  const state = underWay.find((name) => name === deployment?.state);
  if (deployment === undefined || state === undefined || deployment.status_value !== 'ACTIVE') return undefined;
  const web = await sql
    .selectFrom('processes')
    .selectAll()
    .where('app_guid', '=', deployment.app_guid)
    .where('type', '=', 'web')
    .orderBy('id')
    .execute();
  const wantedGuid = state === 'CANCELING' ? deployment.kept_process_guid : deployment.process_guid;
  const wanted = web.find((process) => process.guid === wantedGuid);
  if (wanted === undefined) return undefined;
  // Those of superseded deployments go before the first one; of a cancelled one, its own process goes first.
  const [first, ...later] = web.filter((process) => process !== wanted);
  const others = first === undefined ? [] : state === 'CANCELING' ? [...later.reverse(), first] : [...later, first];
  const view = (process: ProcessRow): WebProcess => ({
    guid: process.guid,
    instances: process.instances,
    ...observe(process),
  });
  const input: StepInput = {
    state,
    maxInFlight: deployment.max_in_flight,
    target: deployment.target_instances,
    canaryWeights: JSON.parse(deployment.canary_weights) as number[],
    canaryStep: deployment.canary_step,
    wanted: view(wanted),
    others: others.map(view),
  };
  const decision = decideStep(input);
  const nothing = decision.scale.length === 0 && decision.outcome === 'continue';
  return nothing ? undefined : { deployment, wanted, others, decision };
}

/** Takes the step that a deployment is due for. Returns what was decided, for the log. Throws 422 beyond a quota. */
export async function takeStep(
  unit: UnitOfWork,
  platform: Platform,
  guid: string,
  observe: Observe,
): Promise<StepDecision | undefined> {
  const found = await unit.sql.selectFrom('deployments').select('app_guid').where('guid', '=', guid).executeTakeFirst();
  if (found === undefined) return undefined;
  const app = await lockApp(unit, found.app_guid);
  const step = await dueStep(unit.sql, guid, observe);
  if (step === undefined) return undefined;
  const { deployment, wanted, others, decision } = step;
  // What a deployment took from the old instances, going back may take again, whoever filled the quota meanwhile.
  const withinQuotas = deployment.state === 'CANCELING' ? undefined : await watchAppQuotas(unit, app.space_guid);
  for (const { guid: processGuid, instances } of decision.scale) {
    const process = [wanted, ...others].find((candidate) => candidate.guid === processGuid);
    if (process === undefined) continue;
    await unit.sql.updateTable('processes').set({ instances }).where('guid', '=', processGuid).execute();
    await touchVersion(unit, process);
  }
  await withinQuotas?.();
  await unit.sql
    .updateTable('deployments')
    .set({ updated_at: unit.now, ...(decision.healthy ? { last_healthy_at: unit.now } : {}) })
    .where('guid', '=', guid)
    .execute();
  if (decision.outcome === 'pause') {
    await setDeployment(unit, guid, { state: 'PAUSED', status_value: 'ACTIVE', status_reason: 'PAUSED' });
  }
  if (decision.outcome === 'finish') {
    for (const process of others) await removeProcess(unit, process);
    const reason = deployment.state === 'CANCELING' ? 'CANCELED' : 'DEPLOYED';
    if (reason === 'DEPLOYED') {
      const rest = (await processesOf(unit, app.guid)).filter(({ type }) => type !== 'web');
      if (rest.length > 0) {
        await unit.sql
          .updateTable('processes')
          .set({ revision_guid: wanted.revision_guid })
          .where(
            'guid',
            'in',
            rest.map((process) => process.guid),
          )
          .execute();
      }
      for (const process of rest) await renewVersion(unit, platform, app, process);
    }
    await setDeployment(unit, guid, { state: reason, status_value: 'FINALIZED', status_reason: reason });
    unit.log(app.guid, `Deployment with guid ${guid} is ${reason}`);
  }
  return decision;
}

async function removeProcess(unit: UnitOfWork, process: ProcessRow): Promise<void> {
  await endVersion(unit, process);
  await deleteMetadata(unit.sql, [process.guid]);
  await unit.sql.deleteFrom('processes').where('guid', '=', process.guid).execute();
}
