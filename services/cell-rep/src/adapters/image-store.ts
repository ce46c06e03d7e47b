import type { Garden, PinnedImage } from '@slipway/garden';
import type { Wanted } from '../domain/plan-images.ts';
import type { ImageStore } from '../executor/image-keeper.ts';
import type { ImageSource } from './image-source.ts';

/** The layer store as the keeper of images sees it. */
export function imageStore({ layers }: Pick<Garden, 'layers'>, images: ImageSource): ImageStore {
  return {
    holds: ({ image }) => image.layers.every((layer) => layers.has(layer)),
    pin: (wanted) =>
      layers.setPins(wanted.map((each) => ({ ...nameOf(each), current: each.current, layers: each.image.layers }))),
    prefetch: async (wanted, signal) => {
      const fetch = images.open(wanted);
      for (const layer of wanted.image.layers) {
        const options = {
          signal,
          image: nameOf(wanted),
          from: wanted.image.registry.toLowerCase(),
          tenant: wanted.app.organizationGuid,
          background: true,
        };
        // What keeps it is that it is pinned.
        (await layers.ensureLayers([layer], fetch, options)).release();
      }
    },
  };
}

function nameOf({ image, app }: Wanted): Omit<PinnedImage, 'current' | 'layers'> {
  return { id: image.manifestDigest, reference: image.reference, app: { guid: app.guid, name: app.name } };
}
