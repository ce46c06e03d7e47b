import { parseRegistryCredentials } from '@slipway/contracts';
import { RegistryCredentials } from '@slipway/oci';
import { CodedError, type SealingKeys, unseal } from '@slipway/service-kit';

/** Opens what is sealed to the stager. Throws CodedError SEAL_BROKEN, which quotes nothing of it. */
export function openCredentials(sealed: string, keys: SealingKeys): RegistryCredentials {
  const opened = unseal(sealed, keys);
  try {
    const { username, password } = parseRegistryCredentials(opened);
    return new RegistryCredentials(username, password);
  } catch (cause) {
    throw new CodedError('SEAL_BROKEN', 'invalid', 'the sealed credentials cannot be read', { cause });
  }
}
