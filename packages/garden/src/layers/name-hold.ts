import { createHash } from 'node:crypto';
import type { ImageName } from './image-name.ts';
import type { LayerHold } from './layer-ledger.ts';

/** A hold of somebody who may not have said what the image is called. */
export type UnnamedHold = Omit<LayerHold, 'image'> & { readonly image?: ImageName | undefined };

/** Gives a hold without a name that of the image that these are all the layers of, or some; else one made of them. */
export function nameHold(
  hold: UnnamedHold,
  images: readonly {
    readonly id: string;
    readonly reference?: string | undefined;
    readonly diffIds: readonly string[];
  }[],
): LayerHold {
  if (hold.image !== undefined) return { ...hold, image: hold.image };
  const key = hold.diffIds.join();
  const same =
    images.find(({ diffIds }) => diffIds.join() === key) ??
    images.find(({ diffIds }) => hold.diffIds.every((diffId) => diffIds.includes(diffId)));
  if (same === undefined) {
    const hash = createHash('sha256').update(key).digest('hex');
    return { ...hold, image: { id: `unnamed-${hash.slice(0, 12)}` } };
  }
  const { id, reference } = same;
  return { ...hold, image: reference === undefined ? { id } : { id, reference } };
}
