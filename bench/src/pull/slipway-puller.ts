import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { LayerStore } from '@slipway/garden';
import { hostPlatform, inspectImage, parseReference, RegistryClient } from '@slipway/oci';

/** One pull that the parent process asks for. */
export interface PullOrder {
  readonly reference: string;
  /** Of the layer store; empty, or absent. */
  readonly directory: string;
}

export interface PullReport {
  readonly ms: number;
  /** The most memory that the process had during the pull; what a cell at rest has is a part of it. */
  readonly peakRssMb: number;
}

// A process that pulls as a cell does: it stays, as a cell and as dockerd stay.

const registry = new RegistryClient();

async function pull({ reference: text, directory }: PullOrder): Promise<PullReport> {
  const reference = parseReference(text);
  const store = await LayerStore.open({ dir: directory });
  // Makes the peak what is in use now (proc(5)).
  writeFileSync('/proc/self/clear_refs', '5');
  const started = performance.now();
  const repository = registry.repository(reference);
  const { layers } = await inspectImage(repository, reference, { platform: hostPlatform() });
  await store.ensureLayers(layers, async (layer, signal) => ({
    kind: 'blob',
    owned: true,
    bytes: await repository.openBlob({ digest: layer.digest as never, size: layer.size }, { signal }),
  }));
  const ms = performance.now() - started;
  const status = await readFile('/proc/self/status', 'utf8');
  const peakKib = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
  await store.close();
  return { ms, peakRssMb: peakKib / 1024 };
}

process.on('message', (order: PullOrder) => {
  pull(order).then(
    (report) => process.send?.({ report }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
