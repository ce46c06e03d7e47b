import type { Logger } from '@slipway/service-kit';
import { deploymentsUnderWay, dueStep, type Observe, takeStep } from '../actions/deployment-steps.ts';
import type { Platform } from '../actions/platform.ts';
import type { ActualState } from '../adapters/nats/actual-state.ts';
import type { Db, ProcessRow } from '../adapters/sql/schema.ts';
import type { Writer } from '../adapters/sql/writer.ts';
import { lrpGuid } from '../domain/lrp/process-guid.ts';
import { processStats } from '../domain/stats/process-stats.ts';
import { ApiError } from '../errors.ts';

export interface DeploymentUpdaterOptions {
  readonly db: Db;
  readonly writer: Writer;
  readonly platform: Platform;
  readonly actual: ActualState;
  readonly now: () => Date;
  readonly logger: Logger;
  /** Deployments that a quota holds up, and why. Kept from call to call. */
  readonly held: Map<string, string>;
}

/** What runs of a process, as the cells say. */
export function observer(actual: ActualState, now: () => Date): Observe {
  return (process: ProcessRow) => {
    const guid = lrpGuid(process.guid, process.version);
    const stats = processStats({
      instances: process.instances,
      placements: actual.placementsOf(guid),
      actual: actual.instancesOf(guid),
      now: now().getTime(),
    });
    const serves = stats.filter((instance) => instance.state === 'RUNNING' && instance.actual?.routable === true);
    const unhealthy = stats.filter(({ state }) => state === 'DOWN' || state === 'CRASHED');
    return {
      routable: serves.length,
      unhealthy: unhealthy.length,
      starting: stats.length - serves.length - unhealthy.length,
    };
  };
}

const QUOTA_EXCEEDED = 422;

/** The app's log says once why it does not go on; it does when there is room, or is cancelled. */
async function hold({ writer, logger, held }: DeploymentUpdaterOptions, guid: string, reason: string): Promise<void> {
  if (held.get(guid) === reason) return;
  held.set(guid, reason);
  logger.warn({ deployment: guid, reason }, 'deployment.held-up');
  await writer.write(async (unit) => {
    const row = await unit.sql.selectFrom('deployments').select('app_guid').where('guid', '=', guid).executeTakeFirst();
    if (row !== undefined) unit.log(row.app_guid, `Deployment with guid ${guid} is held up: ${reason}`, 'ERR');
  });
}

/** Takes every deployment a step further, if it can go. One that cannot be moved holds up no other. */
export async function updateDeployments(options: DeploymentUpdaterOptions): Promise<void> {
  const { db, writer, platform, actual, now, logger } = options;
  // Of what is not known to run, nothing may be stopped.
  if (!actual.fresh) return;
  const observe = observer(actual, now);
  const underWay = await deploymentsUnderWay(db);
  for (const guid of [...options.held.keys()].filter((known) => !underWay.includes(known))) options.held.delete(guid);
  for (const guid of underWay) {
    try {
      if ((await dueStep(db, guid, observe)) === undefined) continue;
      const decision = await writer.write((unit) => takeStep(unit, platform, guid, observe));
      options.held.delete(guid);
      if (decision !== undefined) logger.info({ deployment: guid, ...decision }, 'deployment.step');
    } catch (error) {
      if (error instanceof ApiError && error.status === QUOTA_EXCEEDED) await hold(options, guid, error.message);
      else logger.error({ err: error, deployment: guid }, 'deployment.failed');
    }
  }
}
