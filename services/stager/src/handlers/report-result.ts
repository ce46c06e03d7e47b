import { setTimeout as sleep } from 'node:timers/promises';
import { type Bus, BusError, publishMessage } from '@slipway/bus';
import { type StagingRequest, type StagingResult, stagingResult } from '@slipway/contracts';

const RETRY_MS = 500;

/**
 * Publishes what came of a build, again and again until its deadline: when NATS has lost its store meanwhile, the
 * request is gone with it and will not be delivered a second time. Rejects when the deadline or `signal` ends that.
 */
export async function reportResult(
  bus: Bus,
  request: StagingRequest,
  result: StagingResult,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      // The build's guid as message id: of results of one build that was handed out twice, one arrives.
      await publishMessage(bus, stagingResult, result, { id: `staging-result-${request.buildGuid}` });
      return;
    } catch (error) {
      if (!(error instanceof BusError) || Date.now() > Date.parse(request.deadline)) throw error;
      bus.logger.warn({ err: error, buildGuid: request.buildGuid }, 'staging.result-not-taken');
    }
    await sleep(RETRY_MS, undefined, { signal });
  }
}
