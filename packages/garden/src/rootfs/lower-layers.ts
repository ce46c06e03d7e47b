import { GardenError } from '../errors.ts';
import type { LayerHandle } from '../layers/layer.ts';

/** overlayfs takes no more (OVL_MAX_STACK). */
const MAX_LAYERS = 500;

/**
 * The layers that overlayfs is to join, top first, from an image's layers, base first. A layer that an image has twice
 * counts where it is on top, since all that it does below it does there again; overlayfs refuses one directory twice.
 * Below an opaque root nothing shows.
 */
export function lowerLayers(layers: readonly LayerHandle[]): readonly string[] {
  const names: string[] = [];
  for (const layer of [...layers].reverse()) {
    if (!names.includes(layer.name)) names.push(layer.name);
    if (layer.opaqueRoot) break;
  }
  if (names.length > MAX_LAYERS) throw tooMany(layers.length, `${MAX_LAYERS} layers`);
  return names;
}

/** mount(2) takes one page of options. */
const MAX_OPTION_BYTES = 4095;

/** The options of an overlay mount; directories are given as paths without `,`, `:` or `\`. */
export function overlayOptions(lower: readonly string[], upper: string, work: string): string {
  // volatile: what a container writes is gone with it, so that nothing of it need ever be waited for to reach the disk.
  const options = `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work},redirect_dir=off,metacopy=off,index=off,volatile`;
  if (options.length > MAX_OPTION_BYTES) throw tooMany(lower.length, `${MAX_OPTION_BYTES} bytes of mount options`);
  return options;
}

function tooMany(count: number, limit: string): GardenError {
  return new GardenError(
    'IMAGE_TOO_MANY_LAYERS',
    'rootfs',
    `The image has ${count} layers, over the limit of ${limit}`,
  );
}
