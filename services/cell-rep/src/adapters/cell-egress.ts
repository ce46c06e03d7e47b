import { lookup } from 'node:dns/promises';
import { type Bus, KvView } from '@slipway/bus';
import { buckets, type CellPresence } from '@slipway/contracts';
import type { Garden } from '@slipway/garden';
import type { Logger } from '@slipway/service-kit';
import { EgressNews } from '../domain/egress-news.ts';

type Endpoint = Parameters<Garden['deny']>[0][number];

/** Names may get other addresses. */
const LOOK_UP_MS = 60_000;

export interface CellEgressOptions {
  readonly garden: Pick<Garden, 'deny' | 'followPackets' | 'containers'>;
  /** Servers as in NATS_URL. */
  readonly natsUrl: string;
  /** Into the log of an instance or task of this handle. */
  readonly tell: (handle: string, what: string) => void;
  readonly logger: Logger;
}

/**
 * What no app reaches wherever it is, whatever its rules say: NATS, and the ports of other cells. The machine's own
 * ports need no list. Also tells apps' logs what was refused.
 */
export class CellEgress {
  readonly #options: CellEgressOptions;
  readonly #news = new EgressNews();
  #cells: KvView<CellPresence> | undefined;
  #denied = '';
  #applying: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  private constructor(options: CellEgressOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#refresh(), LOOK_UP_MS);
    this.#timer.unref();
    options.garden.followPackets((handle, attempt) => {
      const what = this.#news.say(handle, attempt, performance.now());
      if (what !== undefined) options.tell(handle, what);
    });
  }

  /** Resolves when NATS is out of reach. */
  static async open(options: CellEgressOptions): Promise<CellEgress> {
    const egress = new CellEgress(options);
    egress.#refresh();
    await egress.#applying;
    return egress;
  }

  async attach(bus: Bus): Promise<void> {
    this.#cells = await KvView.open(bus, buckets.cells, { onChange: () => this.#refresh() });
    this.#refresh();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#cells?.close();
    await this.#applying;
  }

  #refresh(): void {
    this.#applying = this.#applying.then(() => this.#apply());
  }

  async #apply(): Promise<void> {
    const { garden, natsUrl, logger } = this.#options;
    this.#news.keep(new Set(garden.containers().map(({ handle }) => handle)));
    try {
      const endpoints = [...(await natsEndpoints(natsUrl)), ...cellEndpoints(this.#cells)];
      const text = endpoints
        .map(({ address, port }) => `${address}:${port}`)
        .toSorted()
        .join();
      if (text === this.#denied) return;
      await garden.deny(endpoints);
      this.#denied = text;
    } catch (error) {
      // What was denied before still is, and it is tried again.
      logger.error({ err: error }, 'egress.not-denied');
    }
  }
}

async function natsEndpoints(urls: string): Promise<Endpoint[]> {
  const found = urls.split(',').map(async (text) => {
    const { hostname, port } = new URL(text.trim());
    const addresses = await lookup(hostname.replace(/^\[|\]$/g, ''), { all: true, family: 4 }).catch(() => []);
    return addresses.map(({ address }) => ({ address, port: Number(port === '' ? '4222' : port) }));
  });
  return (await Promise.all(found)).flat();
}

function cellEndpoints(cells: KvView<CellPresence> | undefined): Endpoint[] {
  return [...(cells?.entries.values() ?? [])].flatMap(({ value: { address, peerPort } }) =>
    peerPort === undefined || !/^[\d.]+$/.test(address) ? [] : [{ address, port: peerPort }],
  );
}
