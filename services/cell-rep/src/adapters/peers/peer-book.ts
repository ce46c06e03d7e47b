import { type Bus, KvView } from '@slipway/bus';
import { buckets, type CellPresence } from '@slipway/contracts';
import type { Peer } from './peer-client.ts';

/** Four times what a presence is renewed in. */
const LIVE_MS = 20_000;

/** The other cells that are there, as NATS says; without NATS nobody is. */
export class PeerBook {
  readonly #cellId: string;
  #cells: KvView<CellPresence> | undefined;

  constructor(cellId: string) {
    this.#cellId = cellId;
  }

  async attach(bus: Bus): Promise<void> {
    this.#cells = await KvView.open(bus, buckets.cells);
  }

  live(): Peer[] {
    const since = performance.now() - LIVE_MS;
    return [...(this.#cells?.entries.values() ?? [])]
      .filter(({ receivedAt, value }) => receivedAt >= since && value.cellId !== this.#cellId)
      .flatMap(({ value: { cellId, address, peerPort } }) =>
        peerPort === undefined ? [] : [{ cellId, address, port: peerPort }],
      );
  }

  close(): void {
    this.#cells?.close();
  }
}
