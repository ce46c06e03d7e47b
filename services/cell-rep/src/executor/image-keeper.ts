import { type LogLine, nowNanoseconds } from '@slipway/bus';
import { describeError, type Logger } from '@slipway/service-kit';
import type { MemberCell } from '../domain/keepers.ts';
import { type Membership, nextMembership } from '../domain/membership.ts';
import { type ImagePlan, pinsMeanwhile, planImages, type Wanted } from '../domain/plan-images.ts';
import { prefetchWaitMs } from '../domain/prefetch-pace.ts';
import { isFinal } from '../domain/pull-retry.ts';
import { kindOf, withDeadline } from './step.ts';

/** Whatever else happens, it is looked at again so often. */
const PASS_INTERVAL_MS = 30_000;
/** Changes come in crowds: a full pass of Cloud Controller, a snapshot. */
const QUIET_MS = 250;

/** The layers of this cell, as this part needs them. */
export interface ImageStore {
  /** Of which nothing is missing. */
  holds(wanted: Wanted): boolean;
  /** All that is to be kept from now on, whether it is here yet or not. */
  pin(images: readonly Wanted[]): void;
  /** One layer after the other, so that instances that start have the room beside it. */
  prefetch(wanted: Wanted, signal: AbortSignal): Promise<void>;
}

export interface ImageKeeperDeps {
  readonly cellId: string;
  /** The host of the platform's own registry. */
  readonly dropletRegistry: string | undefined;
  readonly read: (now: number) => {
    readonly images: readonly Wanted[];
    readonly complete: boolean;
    readonly cells: readonly MemberCell[] | undefined;
  };
  readonly store: ImageStore;
  readonly timeoutMs: number;
  readonly logger: Logger;
  readonly emitLog: (line: LogLine) => void;
  readonly onPrefetched: (result: 'fetched' | 'failed') => void;
}

interface Failure {
  /** Others may do better at once. */
  readonly credentials: string | undefined;
  readonly failures: number;
  /** Milliseconds of the monotonic clock. */
  readonly retryAt: number;
  readonly reason: string;
}

/** How one wanted image stands on this cell. */
export interface WantedStatus {
  readonly dropletGuid: string;
  readonly appGuid: string;
  readonly image: string;
  readonly state: 'stored' | 'missing' | 'failed';
  /** Why the last try to fetch it failed. */
  readonly reason?: string;
}

/**
 * Keeps on this cell what the platform wants kept here: pins it, and fetches in the background what is missing, so that
 * later starts need no registry. Only with a complete view is anything let go of.
 */
export class ImageKeeper {
  readonly #deps: ImageKeeperDeps;
  readonly #stopping = new AbortController();
  readonly #failures = new Map<string, Failure>();
  #members: Membership = new Map();
  #plan: ImagePlan = { pins: [], fetch: [] };
  #pinned: readonly Wanted[] | undefined;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #fetching: Promise<void> | undefined;

  constructor(deps: ImageKeeperDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = setInterval(() => this.#pass(), PASS_INTERVAL_MS);
    this.#pass();
  }

  /** Something changed. */
  trigger(): void {
    if (this.#timer === undefined) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#pass();
    }, QUIET_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    this.#timer = undefined;
    this.#stopping.abort(new Error('the rep stops'));
    await this.#fetching;
  }

  /** It has been told everything once. */
  get informed(): boolean {
    return this.#pinned !== undefined;
  }

  /** Of every image that this cell shall have, or keeps for another. */
  status(): WantedStatus[] {
    const all = new Map([...this.#plan.pins, ...this.#plan.fetch].map((wanted) => [wanted.dropletGuid, wanted]));
    return [...all.values()].map((wanted) => {
      const { dropletGuid, app } = wanted;
      const base = { dropletGuid, appGuid: app.guid, image: nameOf(wanted) };
      if (this.#deps.store.holds(wanted)) return { ...base, state: 'stored' };
      const failure = this.#failures.get(dropletGuid);
      return failure === undefined
        ? { ...base, state: 'missing' }
        : { ...base, state: 'failed', reason: failure.reason };
    });
  }

  #pass(): void {
    if (this.#stopping.signal.aborted) return;
    const { read, cellId, store, logger } = this.#deps;
    try {
      const now = performance.now();
      const { images, complete, cells } = read(now);
      // Nobody else tells whether this cell is there.
      if (cells !== undefined) this.#members = nextMembership(this.#members, cells, now);
      this.#plan = planImages(images, this.#members, this.#deps, now);
      this.#forget(images, complete);
      // Without knowing of itself it would keep nothing.
      const certain = complete && this.#members.has(cellId);
      if (certain) this.#pinned = this.#plan.pins;
      else if (this.#pinned !== undefined) this.#pinned = pinsMeanwhile(this.#pinned, this.#plan.pins);
      // Until everything was known once, the store keeps what the rep before this one had it keep.
      if (this.#pinned !== undefined) store.pin(this.#pinned);
    } catch (error) {
      logger.error({ err: error }, 'images.pass-failed');
      return;
    }
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
  }

  /** Failures of what nobody wants any more. */
  #forget(images: readonly Wanted[], complete: boolean): void {
    if (!complete || this.#failures.size === 0) return;
    const wanted = new Set(images.map(({ dropletGuid }) => dropletGuid));
    for (const guid of this.#failures.keys()) if (!wanted.has(guid)) this.#failures.delete(guid);
  }

  async #fetch(): Promise<void> {
    const { store, onPrefetched, timeoutMs } = this.#deps;
    const { signal } = this.#stopping;
    for (let next = this.#next(); next !== undefined && !signal.aborted; next = this.#next()) {
      const wanted = next;
      try {
        await withDeadline('fetching an image in advance', timeoutMs, signal, (s) => store.prefetch(wanted, s));
        this.#failures.delete(wanted.dropletGuid);
        onPrefetched('fetched');
      } catch (error) {
        if (signal.aborted) return;
        onPrefetched('failed');
        this.#note(wanted, error);
      }
    }
  }

  /** The most urgent that is missing and not put off. */
  #next(): Wanted | undefined {
    const now = performance.now();
    return this.#plan.fetch.find((wanted) => {
      const failure = this.#failures.get(wanted.dropletGuid);
      const due = failure === undefined || now >= failure.retryAt || failure.credentials !== wanted.image.credentials;
      return due && !this.#deps.store.holds(wanted);
    });
  }

  #note(wanted: Wanted, error: unknown): void {
    const { cellId, logger, emitLog } = this.#deps;
    const { dropletGuid, app } = wanted;
    const kind = kindOf(error);
    const before = this.#failures.get(dropletGuid);
    const failures = (before?.failures ?? 0) + 1;
    const failure: Failure = {
      credentials: wanted.image.credentials,
      failures,
      retryAt: performance.now() + prefetchWaitMs(kind, failures, Math.random()),
      reason: describeError(error),
    };
    this.#failures.set(dropletGuid, failure);
    logger.warn({ err: error, dropletGuid, appGuid: app.guid, image: nameOf(wanted) }, 'images.prefetch-failed');
    if (!isFinal(kind) || before?.reason === failure.reason) return;
    const line = `Cell ${cellId} cannot fetch the image ${nameOf(wanted)} of droplet ${dropletGuid} in advance: ${failure.reason}`;
    const tags = { source_id: app.guid, app_id: app.guid, app_name: app.name };
    emitLog({
      sourceId: app.guid,
      instanceId: '0',
      sourceType: 'CELL',
      stream: 'ERR',
      line,
      tags,
      timestamp: nowNanoseconds(),
    });
  }
}

function nameOf({ image }: Wanted): string {
  return `${image.registry}/${image.repository}@${image.manifestDigest}`;
}
