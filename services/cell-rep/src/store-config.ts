import { DEFAULT_LAYER_LIMITS, DEFAULT_WATERMARKS, type LayerStoreOptions } from '@slipway/garden';
import { imageLimitSettings, imageLimitsOf } from '@slipway/oci';
import { settings } from '@slipway/service-kit';
import type { z } from 'zod';

const MEBIBYTE = 1024 ** 2;

/** How large images and their layers may be, and how full the layer store may make the disk. */
export const storeSettings = {
  ...imageLimitSettings,
  /** Of one layer, as it is unpacked. */
  IMAGE_MAX_UNPACKED_MB: settings.integer(DEFAULT_LAYER_LIMITS.unpackedBytes / MEBIBYTE, 1),
  IMAGE_MAX_ENTRIES: settings.integer(DEFAULT_LAYER_LIMITS.entries, 1, 100_000_000),
  IMAGE_MAX_PATH_BYTES: settings.integer(DEFAULT_LAYER_LIMITS.pathBytes, 1, DEFAULT_LAYER_LIMITS.pathBytes),
  IMAGE_MAX_RATIO: settings.integer(DEFAULT_LAYER_LIMITS.compressionRatio, 1, 10_000),
  /** Percent of the disk in use, by whomever, above which layers that nobody needs are removed, and down to which. */
  CELL_STORE_HIGH_WATERMARK: settings.integer(DEFAULT_WATERMARKS.highPercent, 1, 100),
  CELL_STORE_LOW_WATERMARK: settings.integer(DEFAULT_WATERMARKS.lowPercent, 1, 100),
  /** Of a large disk no more than this is kept free, whatever the percentages say. */
  CELL_STORE_KEEP_FREE_MB: settings.integer(DEFAULT_WATERMARKS.mostFreeBytes / MEBIBYTE, 1),
};

type StoreConfig = { readonly [K in keyof typeof storeSettings]: z.output<(typeof storeSettings)[K]> };

export function storeOptions(config: StoreConfig): Pick<LayerStoreOptions, 'limits' | 'imageLimits' | 'watermarks'> {
  return {
    imageLimits: imageLimitsOf(config),
    limits: {
      unpackedBytes: config.IMAGE_MAX_UNPACKED_MB * MEBIBYTE,
      entries: config.IMAGE_MAX_ENTRIES,
      pathBytes: config.IMAGE_MAX_PATH_BYTES,
      compressionRatio: config.IMAGE_MAX_RATIO,
    },
    watermarks: {
      highPercent: config.CELL_STORE_HIGH_WATERMARK,
      lowPercent: config.CELL_STORE_LOW_WATERMARK,
      mostFreeBytes: config.CELL_STORE_KEEP_FREE_MB * MEBIBYTE,
    },
  };
}
