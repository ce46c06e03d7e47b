import type { Garden } from '@slipway/garden';
import type { Wanted } from '../domain/plan-images.ts';
import type { ImageStore } from '../executor/image-keeper.ts';
import type { ImageSource } from './image-source.ts';

interface Pinning {
  setPins?(images: readonly ReturnType<typeof toPin>[]): void;
}

/** The layer store as the keeper of images sees it. */
export function imageStore({ layers }: Pick<Garden, 'layers'>, images: ImageSource): ImageStore {
  return {
    holds: (image) => image.layers.every((layer) => layers.has(layer)),
    pin: (wanted) => (layers as Pinning).setPins?.(wanted.map(toPin)),
    prefetch: async (image, signal) => {
      const fetch = images.open({ image });
      for (const layer of image.layers) await layers.ensureLayers([layer], fetch, { signal });
    },
  };
}

function toPin({ dropletGuid, current, image }: Wanted) {
  return { id: dropletGuid, current, layers: image.layers };
}
