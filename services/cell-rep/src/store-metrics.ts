import type { CollectionFigures, LayerLedger } from '@slipway/garden';
import { Counter, Gauge, type Registry } from '@slipway/service-kit';

/** What the disk is used for and what was removed from it, read at each scrape. */
export interface ObservedStore {
  readonly ledger: LayerLedger;
  readonly collections: CollectionFigures;
}

// One scrape asks for each figure by itself, and the account is the same for all of them.
const SAME_SCRAPE_MS = 500;

export function addStoreMetrics(registry: Registry, read: () => ObservedStore | undefined): void {
  let observed: ObservedStore | undefined;
  let observedAt = Number.NEGATIVE_INFINITY;
  const observe = (): ObservedStore | undefined => {
    if (performance.now() - observedAt < SAME_SCRAPE_MS) return observed;
    observed = read();
    observedAt = performance.now();
    return observed;
  };
  const registers = [registry];
  new Gauge({
    name: 'slipway_cell_store_bytes',
    help:
      'Bytes of layers: shared by images, exclusive to one, reclaimable (these three add up to all); and, of these, ' +
      'pinned, in use by containers, leased; what containers have written (writable) and may have in all (promised)',
    labelNames: ['kind'],
    registers,
    collect() {
      const ledger = observe()?.ledger;
      if (ledger === undefined) return;
      const { layers, containers } = ledger;
      this.set({ kind: 'shared' }, layers.sharedBytes);
      this.set({ kind: 'exclusive' }, layers.exclusiveBytes);
      this.set({ kind: 'reclaimable' }, layers.reclaimableBytes);
      this.set({ kind: 'pinned' }, layers.pinnedBytes);
      this.set({ kind: 'in-use' }, layers.inUseBytes);
      this.set({ kind: 'leased' }, layers.leasedBytes);
      this.set({ kind: 'writable' }, containers.writableBytes);
      this.set({ kind: 'promised' }, containers.promisedBytes);
    },
  });
  const gauge = (name: string, help: string, value: (observed: ObservedStore) => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const observed = observe();
        if (observed !== undefined) this.set(value(observed));
      },
    });
  };
  gauge(
    'slipway_cell_disk_capacity_bytes',
    'Of the file system of the layer store',
    (o) => o.ledger.disk.capacityBytes,
  );
  gauge('slipway_cell_disk_free_bytes', 'Of the file system of the layer store', (o) => o.ledger.disk.freeBytes);
  gauge('slipway_cell_store_layers', 'Layers in the store', (o) => o.ledger.layers.count);
  const counter = (name: string, help: string, value: (figures: CollectionFigures) => number): void => {
    new Counter({
      name,
      help,
      registers,
      collect() {
        const observed = observe();
        if (observed === undefined) return;
        this.reset();
        this.inc(value(observed.collections));
      },
    });
  };
  counter('slipway_cell_store_collections_total', 'Collections that removed something', (c) => c.collections);
  counter('slipway_cell_store_removed_layers_total', 'Layers removed by collections', (c) => c.removedLayers);
  counter('slipway_cell_store_removed_bytes_total', 'Bytes removed by collections', (c) => c.removedBytes);
  new Gauge({
    name: 'slipway_cell_store_error_time_seconds',
    help: 'When the last collection failed; absent when it did not',
    labelNames: ['code'],
    registers,
    collect() {
      this.reset();
      const error = observe()?.collections.lastError;
      if (error !== undefined) this.set({ code: error.code }, error.at.getTime() / 1_000);
    },
  });
}
