import { setTimeout as delay } from 'node:timers/promises';
import type { LrpSidecar } from '@slipway/contracts';
import { describeError } from '@slipway/service-kit';
import type { CrashCause } from '../domain/crash.ts';
import type { InstanceEvent } from '../domain/instance-state.ts';
import { PullProgress } from '../domain/pull-progress.ts';
import { pullRetryMs } from '../domain/pull-retry.ts';
import type { InstanceDeps } from './instance-deps.ts';
import type { InstanceLog } from './instance-log.ts';
import type { AnyNotes } from './notes.ts';
import type { Container, PulledImage, Workload } from './ports.ts';
import { requireSigned } from './require-signed.ts';
import { isProcessFault, kindOf, withDeadline } from './step.ts';

/** What is brought up, and who is told of it. */
export interface Rising {
  readonly guid: string;
  readonly lrp: Workload;
  apply(event: InstanceEvent): void;
  /** What the platform puts over the image's own environment. */
  environment(address: string, sidecar?: LrpSidecar): Record<string, string>;
  notes(): AnyNotes;
  /** Right before the process is started. */
  annotate(container: Container): Promise<void>;
}

type FailedStep = 'pull' | 'create' | 'start';
type Failed = { readonly cause: CrashCause };

/**
 * From the placement to a started process, or to what the instance crashed of; throws the signal's reason when aborted.
 * `onContainer` hears of the container as soon as there is something to remove: after a failed start that is the
 * caller's part.
 */
export async function bringUp(
  book: Rising,
  log: InstanceLog,
  deps: InstanceDeps,
  signal: AbortSignal,
  onContainer: (container: Container) => void,
): Promise<{ readonly container: Container } | Failed> {
  const attempt = attempts(book, log, deps, signal);
  log.cell('creating container for instance');
  book.apply({ type: 'phase', phase: 'pulling' });
  const pulled = await attempt('pull', () => {
    requireSigned(book.lrp, log);
    return pull(book, log, deps, signal);
  });
  if ('cause' in pulled) return pulled;
  const image = pulled.value;
  const created = await attempt('create', () =>
    deps.creating.run(signal, async () => {
      const container = await create(book, image, deps, signal);
      onContainer(container);
      return container;
    }),
  ).finally(() => image.release());
  if ('cause' in created) return created;
  const container = created.value;
  book.apply({ type: 'addressed', address: container.address, ports: book.lrp.ports });
  log.cell('successfully created container for instance');
  book.apply({ type: 'phase', phase: 'starting' });
  await book.annotate(container);
  const started = await attempt('start', () =>
    withDeadline('starting the process', deps.timeouts.startMs, signal, (s) => container.start(s)),
  );
  if ('cause' in started) return started;
  const { healthCheck, imageHealthCheck } = book.lrp;
  const checked = healthCheck.type !== 'process' || imageHealthCheck !== undefined;
  if (checked) book.apply({ type: 'phase', phase: 'health-check' });
  return { container };
}

/** Times a step and turns its failure into the crash that it is. */
function attempts(book: Rising, log: InstanceLog, deps: InstanceDeps, signal: AbortSignal) {
  return async <T>(step: FailedStep, work: () => Promise<T>): Promise<{ readonly value: T } | Failed> => {
    const startedAt = performance.now();
    try {
      const value = await work();
      deps.onStep(step, performance.now() - startedAt);
      return { value };
    } catch (error) {
      signal.throwIfAborted();
      const message = describeError(error);
      const instanceGuid = book.guid;
      deps.logger.warn({ err: error, instanceGuid, step }, 'instance.step-failed');
      deps.onStepFailed(step, error);
      if (step === 'start' || isProcessFault(error)) {
        log.aside(`failed-creating-process: ${message}`);
        return { cause: { phase: 'start', error: message } };
      }
      log.cell('failed to create container for instance', 'ERR', message);
      return { cause: { phase: step, error: message } };
    }
  };
}

async function pull(book: Rising, log: InstanceLog, deps: InstanceDeps, signal: AbortSignal): Promise<PulledImage> {
  const say = (what: string | undefined): void => {
    if (what !== undefined) log.cell(`${what} for instance`);
  };
  for (let failures = 1; ; failures++) {
    const progress = new PullProgress(performance.now());
    try {
      const image = await withDeadline('pulling the image', deps.timeouts.pullMs, signal, (s) =>
        deps.containers.pull(book.lrp, s, {
          onProgress: (layer) => say(progress.note(layer, performance.now())),
          onDetour: ({ what, why }) => log.cell(`${what} for instance`, 'ERR', why),
        }),
      );
      say(progress.end(performance.now()));
      return image;
    } catch (error) {
      signal.throwIfAborted();
      const wait = pullRetryMs(kindOf(error), failures, Math.random());
      if (wait === undefined) throw error;
      const instanceGuid = book.guid;
      deps.logger.warn({ err: error, instanceGuid, failures, wait }, 'instance.pull-retry');
      const again = `${describeError(error)}; trying again in ${(wait / 1_000).toFixed(1)} s`;
      log.cell('failed to download the image for instance', 'ERR', again);
      // An abort shows at the next try.
      await delay(wait, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function create(book: Rising, image: PulledImage, deps: InstanceDeps, signal: AbortSignal): Promise<Container> {
  const { guid: instanceGuid, lrp } = book;
  book.apply({ type: 'phase', phase: 'creating' });
  return await withDeadline('creating the container', deps.timeouts.createMs, signal, (s) =>
    deps.containers.create(
      {
        instanceGuid,
        lrp,
        image,
        environment: (address, sidecar) => book.environment(address, sidecar),
        notes: book.notes(),
      },
      s,
    ),
  );
}
