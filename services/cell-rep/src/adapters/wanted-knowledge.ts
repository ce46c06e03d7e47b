import { type Bus, KvView } from '@slipway/bus';
import { buckets, type CellPresence, keys, type LayerDescriptor } from '@slipway/contracts';
import type { MemberCell } from '../domain/keepers.ts';
import type { Wanted } from '../domain/plan-images.ts';

export interface KnownImages {
  readonly images: readonly Wanted[];
  /** Everything that the bucket holds has been read, and Cloud Controller says that this is all. */
  readonly complete: boolean;
  /** Cells that are there; undefined while that is not known. */
  readonly cells: readonly MemberCell[] | undefined;
}

interface Freshness {
  readonly ttlMs: number;
}

interface Views {
  readonly images: KvView<Wanted | Freshness>;
  readonly cells: KvView<CellPresence>;
}

/** What NATS says of the images that this platform keeps; before the first connection nothing. */
export class WantedKnowledge {
  readonly #onChange: () => void;
  #views: Views | undefined;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Resolves when both buckets were read. */
  async attach(bus: Bus): Promise<void> {
    const pool = new LayerPool();
    const value = buckets.wantedImages.value.transform((record): Wanted | Freshness => {
      if (!('dropletGuid' in record)) return { ttlMs: record.ttlMs };
      const { dropletGuid, app, current, image, placementTags } = record;
      return { dropletGuid, app, current, image: { ...image, layers: pool.share(image.layers) }, placementTags };
    });
    const bucket = { ...buckets.wantedImages, value };
    const onChange = this.#onChange;
    let known = '';
    const [images, cells] = await Promise.all([
      KvView.open<Wanted | Freshness>(bus, bucket, { onChange }),
      KvView.open(bus, buckets.cells, {
        // Presences are renewed every few seconds; only who is there matters.
        onChange: () => {
          const now = [...(this.#views?.cells.entries.keys() ?? [])].sort().join(' ');
          if (now !== known) onChange();
          known = now;
        },
      }),
    ]);
    this.#views = { images, cells };
    onChange();
  }

  read(now: number): KnownImages {
    const views = this.#views;
    if (views === undefined) return { images: [], complete: false, cells: undefined };
    const { images, cells } = views;
    const marker = images.entries.get(keys.imagesDomain);
    const fresh = marker !== undefined && 'ttlMs' in marker.value && now - marker.receivedAt < marker.value.ttlMs;
    const wanted = [...images.entries.values()].map(({ value }) => value).filter((value) => 'dropletGuid' in value);
    return {
      images: wanted,
      complete: images.fresh && images.invalidKeys.size === 0 && fresh,
      cells: cells.fresh ? membersOf(cells) : undefined,
    };
  }

  close(): void {
    this.#views?.images.close();
    this.#views?.cells.close();
  }
}

/** A cell that is being emptied takes nothing any more. The bucket's age limit removes a presence without a word. */
function membersOf(view: KvView<CellPresence>): MemberCell[] {
  const since = performance.now() - buckets.cells.ttlMs;
  return [...view.entries.values()]
    .filter(({ value, receivedAt }) => !value.evacuating && receivedAt >= since)
    .map(({ value: { cellId, platform, placementTags, optionalPlacementTags } }) => ({
      cellId,
      platform,
      placementTags,
      optionalPlacementTags,
    }));
}

/** Thousands of images have a few hundred layers; each is held once, for as long as somebody needs it. */
class LayerPool {
  readonly #layers = new Map<string, WeakRef<LayerDescriptor>>();
  #sweepAt = 1_024;

  share(layers: readonly LayerDescriptor[]): LayerDescriptor[] {
    return layers.map((layer) => {
      const key = `${layer.digest} ${layer.diffId} ${layer.size} ${layer.mediaType}`;
      const known = this.#layers.get(key)?.deref();
      if (known !== undefined) return known;
      this.#layers.set(key, new WeakRef(layer));
      this.#sweep();
      return layer;
    });
  }

  #sweep(): void {
    if (this.#layers.size < this.#sweepAt) return;
    for (const [key, layer] of this.#layers) if (layer.deref() === undefined) this.#layers.delete(key);
    this.#sweepAt = Math.max(1_024, this.#layers.size * 2);
  }
}
