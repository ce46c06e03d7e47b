import { type ImageLimits, imageLimitProblem, isDigest, layerCompression } from '@slipway/oci';
import { GardenError } from '../errors.ts';
import type { LayerDescriptor } from './layer.ts';

/** Refuses, by what the manifest says, layers that are not worth a request. @throws GardenError */
export function checkLayers(layers: readonly LayerDescriptor[], limits: ImageLimits): void {
  for (const layer of layers) check(layer);
  const problem = imageLimitProblem(layers, limits);
  if (problem === undefined) return;
  const code = problem.code === 'TOO_MANY_LAYERS' ? 'IMAGE_TOO_MANY_LAYERS' : problem.code;
  throw new GardenError(code, 'layers', problem.message, { details: problem.details });
}

function check(descriptor: LayerDescriptor): void {
  for (const digest of [descriptor.digest, descriptor.diffId]) {
    if (isDigest(digest)) continue;
    throw new GardenError(
      'LAYER_DIGEST_MALFORMED',
      'layers',
      `Not a sha256 digest: ${JSON.stringify(digest).slice(0, 100)}`,
    );
  }
  // What it says of the compression is not relied on; see detectCompression.
  if (layerCompression(descriptor.mediaType) === undefined) {
    throw new GardenError(
      'LAYER_MEDIA_TYPE_UNSUPPORTED',
      'layers',
      `The layer ${descriptor.digest} is of the media type ${JSON.stringify(descriptor.mediaType).slice(0, 100)}`,
    );
  }
}
