import { checkImageSignatures } from '@slipway/oci';
import type { InstanceLog } from './instance-log.ts';
import type { Workload } from './ports.ts';

/**
 * Checks once more, with what staging kept and no registry, that the pinned digest is signed as the organization asks:
 * neither the bus nor whoever staged it is believed.
 *
 * @throws OciError SIGNATURE_UNPROVEN, SIGNATURE_KEY_INVALID
 */
export function requireSigned({ image }: Pick<Workload, 'image'>, log: Pick<InstanceLog, 'cell'>): void {
  if (image.signaturePolicy === undefined) return;
  const { key, digest } = checkImageSignatures(image, image.signaturePolicy);
  log.cell(`checked that key ${JSON.stringify(key.name)} signed ${digest} for instance`);
}
