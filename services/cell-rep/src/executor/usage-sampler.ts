import { nowNanoseconds } from '@slipway/bus';
import type { DesiredLrp, InstanceMetrics } from '@slipway/contracts';
import type { Logger } from '@slipway/service-kit';
import { cpuEntitlement, type UsageSample, usageRates } from '../domain/usage.ts';
import type { InstanceRunner } from './instance.ts';

type InstanceUsage = InstanceMetrics['instances'][number];

const MEBIBYTE = 1024 * 1024;
/** Diego: container metrics every 15 s. */
const INTERVAL_MS = 15_000;
// A start of many instances is one message, not many.
const SOON_MS = 200;

/** Tells what each instance uses, every 15 s and right after a start. */
export class UsageSampler {
  readonly #cellId: string;
  readonly #runners: () => ReadonlyMap<string, InstanceRunner>;
  readonly #cell: () => { readonly cores: number; readonly memoryMb: number };
  readonly #publish: (metrics: InstanceMetrics) => void;
  readonly #logger: Logger;
  readonly #samples = new Map<string, UsageSample>();
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #sampling: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly cellId: string;
    /** All of it, whoever has it now. */
    readonly cell: () => { readonly cores: number; readonly memoryMb: number };
    readonly runners: () => ReadonlyMap<string, InstanceRunner>;
    readonly publish: (metrics: InstanceMetrics) => void;
    readonly logger: Logger;
  }) {
    this.#cellId = options.cellId;
    this.#cell = options.cell;
    this.#runners = options.runners;
    this.#publish = options.publish;
    this.#logger = options.logger;
  }

  start(): void {
    this.#timer = setInterval(() => this.#sampleNow(), INTERVAL_MS);
    this.soon();
  }

  soon(): void {
    if (this.#timer === undefined || this.#soon !== undefined) return;
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      this.#sampleNow();
    }, SOON_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    this.#timer = undefined;
    await this.#sampling;
  }

  #sampleNow(): void {
    this.#sampling = this.#sampling.then(() => this.#sampleAll());
  }

  async #sampleAll(): Promise<void> {
    const runners = this.#runners();
    for (const guid of [...this.#samples.keys()]) if (!runners.has(guid)) this.#samples.delete(guid);
    const instances: InstanceUsage[] = [];
    for (const [guid, runner] of runners) {
      const usage = await this.#sample(guid, runner);
      if (usage !== undefined) instances.push(usage);
    }
    this.#publish({ cellId: this.#cellId, timestamp: nowNanoseconds().toString(), instances });
  }

  async #sample(guid: string, runner: InstanceRunner): Promise<InstanceUsage | undefined> {
    const { started, local, logBytes } = runner;
    if (started === undefined || local.record.state !== 'RUNNING') return undefined;
    try {
      const { cpuNanoseconds, memoryBytes, diskBytes } = await started.container.usage();
      const at = performance.now();
      const ageMs = Math.max(0, Date.now() - started.startedAt);
      // The first rate is the mean since the process began.
      const before = this.#samples.get(guid) ?? { at: at - ageMs, cpuNanoseconds: 0, logBytes: 0 };
      const sample: UsageSample = { at, cpuNanoseconds, logBytes };
      this.#samples.set(guid, sample);
      const { processGuid, index } = local.record;
      const rates = usageRates(before, sample);
      const usage = { ...rates, memoryBytes, diskBytes, ageMs, ...this.#allowed(rates.cpu, local.lrp) };
      return { instanceGuid: guid, processGuid, index, ...usage };
    } catch (error) {
      // It ended in between, or the kernel could not be read: the next round tells.
      this.#logger.warn({ err: error, instanceGuid: guid }, 'usage.not-read');
      return undefined;
    }
  }

  /** What it may have, and where its figures are read. */
  #allowed(cpu: number, lrp: DesiredLrp | undefined): Partial<InstanceUsage> {
    if (lrp === undefined) return {};
    const { memoryMb, diskMb, logRateBytesPerSecond } = lrp.resources;
    return {
      cpuEntitlement: cpuEntitlement(cpu, memoryMb, this.#cell()),
      memoryQuotaBytes: memoryMb * MEBIBYTE,
      diskQuotaBytes: diskMb * MEBIBYTE,
      logRateLimit: logRateBytesPerSecond,
      sourceId: lrp.log.sourceId,
      tags: lrp.metricTags,
    };
  }
}
