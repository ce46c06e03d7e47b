import { settings } from '@slipway/service-kit';
import { DEFAULT_IMAGE_LIMITS, type ImageLimits } from './image-limits.ts';
import { MAX_LAYERS } from './image-manifest.ts';

const MEBIBYTE = 1024 ** 2;
/** 16 TiB: above every file system's largest file. */
const MOST_MB = 16 * 1024 ** 2;

/** The operator's limits on images, the same for the stager, which refuses first, and for the cells. */
export const imageLimitSettings = {
  IMAGE_MAX_MB: settings.integer(DEFAULT_IMAGE_LIMITS.imageBytes / MEBIBYTE, 1, MOST_MB),
  IMAGE_MAX_LAYER_MB: settings.integer(DEFAULT_IMAGE_LIMITS.layerBytes / MEBIBYTE, 1, MOST_MB),
  IMAGE_MAX_LAYERS: settings.integer(DEFAULT_IMAGE_LIMITS.layers, 1, MAX_LAYERS),
};

export function imageLimitsOf(config: {
  readonly IMAGE_MAX_MB: number;
  readonly IMAGE_MAX_LAYER_MB: number;
  readonly IMAGE_MAX_LAYERS: number;
}): ImageLimits {
  return {
    imageBytes: config.IMAGE_MAX_MB * MEBIBYTE,
    layerBytes: config.IMAGE_MAX_LAYER_MB * MEBIBYTE,
    layers: config.IMAGE_MAX_LAYERS,
  };
}
