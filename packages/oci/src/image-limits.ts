import { OciError } from './errors.ts';
import { MAX_LAYERS } from './image-manifest.ts';

/** How large an image may be, by what its manifest says of it: known before a byte of a layer is fetched. */
export interface ImageLimits {
  /** Bytes of all layers as they are fetched; a layer that comes twice counts once. */
  readonly imageBytes: number;
  /** Bytes of the largest layer as it is fetched. */
  readonly layerBytes: number;
  readonly layers: number;
}

const GIBIBYTE = 1024 ** 3;

/** Images of machine learning have 10 GiB, compressed; what is above has seldom been meant. */
export const DEFAULT_IMAGE_LIMITS: ImageLimits = {
  imageBytes: 16 * GIBIBYTE,
  layerBytes: 10 * GIBIBYTE,
  layers: MAX_LAYERS,
};

export interface ImageLimitProblem {
  readonly code: 'IMAGE_TOO_LARGE' | 'TOO_MANY_LAYERS';
  /** One line with both figures. */
  readonly message: string;
  readonly details: Readonly<Record<string, string | number>>;
}

/** What keeps an image from being run here; the first that is found. Staging and cells ask the same. */
export function imageLimitProblem(
  layers: readonly { readonly digest: string; readonly size: number }[],
  limits: ImageLimits,
): ImageLimitProblem | undefined {
  if (layers.length > limits.layers) {
    return {
      code: 'TOO_MANY_LAYERS',
      message: `the image has ${layers.length} layers; the limit is ${limits.layers}`,
      details: { layers: layers.length, limit: limits.layers },
    };
  }
  const sizes = new Map(layers.map(({ digest, size }) => [digest, size]));
  for (const [digest, size] of sizes) {
    if (size <= limits.layerBytes) continue;
    return {
      code: 'IMAGE_TOO_LARGE',
      message: `the layer ${digest} has ${size} bytes; the limit for one layer is ${limits.layerBytes}`,
      details: { layer: digest, bytes: size, limit: limits.layerBytes },
    };
  }
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (total <= limits.imageBytes) return undefined;
  return {
    code: 'IMAGE_TOO_LARGE',
    message: `the image has ${total} bytes in ${sizes.size} layers; the limit is ${limits.imageBytes}`,
    details: { bytes: total, limit: limits.imageBytes },
  };
}

/** @throws OciError IMAGE_TOO_LARGE, TOO_MANY_LAYERS */
export function checkImageLimits(
  layers: readonly { readonly digest: string; readonly size: number }[],
  limits: ImageLimits,
): void {
  const problem = imageLimitProblem(layers, limits);
  if (problem !== undefined) throw new OciError(problem.code, problem.message, { details: problem.details });
}
