import { setTimeout as delay } from 'node:timers/promises';
import type { DesiredLrp } from '@slipway/contracts';
import { describeError } from '@slipway/service-kit';
import type { CrashCause } from '../domain/crash.ts';
import { platformEnvironment } from '../domain/environment.ts';
import type { InstanceEvent } from '../domain/instance-state.ts';
import { pullRetryMs } from '../domain/pull-retry.ts';
import type { InstanceDeps } from './instance-deps.ts';
import type { InstanceLog } from './instance-log.ts';
import type { Notes } from './notes.ts';
import type { Container, PulledImage } from './ports.ts';
import { isProcessFault, kindOf, withDeadline } from './step.ts';

export interface BringUp {
  readonly lrp: DesiredLrp;
  readonly instanceGuid: string;
  readonly index: number;
  readonly log: InstanceLog;
  readonly notes: () => Notes;
  readonly onEvent: (event: InstanceEvent) => void;
  /** From the first moment that there is something to remove. */
  readonly onContainer: (container: Container) => void;
}

/**
 * From the placement to a started process. Undefined when all went well, else what the instance crashed of; throws the
 * signal's reason when aborted. What was created before a failed start is left to the caller to remove.
 */
export async function bringUp(up: BringUp, deps: InstanceDeps, signal: AbortSignal): Promise<CrashCause | undefined> {
  const { log, lrp } = up;
  log.cell('creating container for instance');
  const pulled = await attempt('pull', up, deps, signal, () => pull(up, deps, signal));
  if ('cause' in pulled) return pulled.cause;
  const created = await attempt('create', up, deps, signal, () =>
    deps.creating.run(signal, () => create(up, pulled.value, deps, signal)),
  );
  if ('cause' in created) return created.cause;
  log.cell('successfully created container for instance');
  up.onEvent({ type: 'phase', phase: 'starting' });
  const started = await attempt('start', up, deps, signal, () =>
    withDeadline('starting the process', deps.timeouts.startMs, signal, (s) => created.value.start(s)),
  );
  if ('cause' in started) return started.cause;
  if (lrp.healthCheck.type !== 'process') up.onEvent({ type: 'phase', phase: 'health-check' });
  return undefined;
}

type FailedCause = Extract<CrashCause, { phase: 'pull' | 'create' | 'start'; error: string }>;

/** Times a step and turns its failure into the crash that it is. */
async function attempt<T>(
  phase: FailedCause['phase'],
  { log, instanceGuid }: BringUp,
  deps: InstanceDeps,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<{ readonly value: T } | { readonly cause: FailedCause }> {
  const startedAt = performance.now();
  try {
    const value = await work();
    deps.onStep(phase, performance.now() - startedAt);
    return { value };
  } catch (error) {
    signal.throwIfAborted();
    const message = describeError(error);
    deps.logger.warn({ err: error, instanceGuid, phase }, 'instance.step-failed');
    deps.onStepFailed(phase, error);
    if (phase === 'start' || isProcessFault(error)) {
      log.aside(`failed-creating-process: ${message}`);
      return { cause: { phase: 'start', error: message } };
    }
    log.cell('failed to create container for instance', 'ERR', message);
    return { cause: { phase, error: message } };
  }
}

async function pull(up: BringUp, deps: InstanceDeps, signal: AbortSignal): Promise<PulledImage> {
  up.onEvent({ type: 'phase', phase: 'pulling' });
  for (let failures = 1; ; failures++) {
    try {
      return await withDeadline('pulling the image', deps.timeouts.pullMs, signal, (s) =>
        deps.containers.pull(up.lrp, s),
      );
    } catch (error) {
      signal.throwIfAborted();
      const wait = pullRetryMs(kindOf(error), failures, Math.random());
      if (wait === undefined) throw error;
      deps.logger.warn({ err: error, instanceGuid: up.instanceGuid, failures, wait }, 'instance.pull-retry');
      // An abort shows at the next try.
      await delay(wait, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function create(up: BringUp, image: PulledImage, deps: InstanceDeps, signal: AbortSignal): Promise<Container> {
  const { lrp, instanceGuid, index } = up;
  up.onEvent({ type: 'phase', phase: 'creating' });
  const container = await withDeadline('creating the container', deps.timeouts.createMs, signal, (s) =>
    deps.containers.create(
      {
        instanceGuid,
        lrp,
        image,
        environment: (address) => platformEnvironment(lrp, { instanceGuid, index, address }),
        notes: up.notes(),
      },
      s,
    ),
  );
  up.onContainer(container);
  up.onEvent({ type: 'addressed', address: container.address, ports: lrp.ports });
  await container.annotate(up.notes());
  return container;
}
