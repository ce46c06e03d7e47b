import type { Readable } from 'node:stream';
import { type DesiredLrp, parseRegistryCredentials } from '@slipway/contracts';
import { type Digest, RegistryClient, RegistryCredentials } from '@slipway/oci';
import { type SealingKeys, unseal } from '@slipway/service-kit';

/** Opens one layer by its digest. */
export type OpenLayer = (
  layer: { readonly digest: string; readonly size: number },
  signal: AbortSignal,
) => Promise<Readable>;

export interface ImageSourceOptions {
  /** Of all cells: what is sealed to it are pull credentials. */
  readonly keys: SealingKeys;
  readonly plainHttp: readonly string[];
  readonly trustedTokenHosts: readonly string[];
}

/** Where layers come from: the registry of the image, asked by digest only. */
export class ImageSource {
  readonly #client: RegistryClient;
  readonly #keys: SealingKeys;

  constructor({ keys, plainHttp, trustedTokenHosts }: ImageSourceOptions) {
    this.#client = new RegistryClient({ plainHttp, trustedTokenHosts });
    this.#keys = keys;
  }

  /**
   * For the time of one pull: credentials are unsealed when a layer is really fetched, and kept nowhere. The returned
   * function rejects with CodedError SEAL_BROKEN when they are sealed to another key.
   */
  open({ image }: Pick<DesiredLrp, 'image'>): OpenLayer {
    return async ({ digest, size }, signal) => {
      const credentials = image.credentials === undefined ? undefined : this.#credentials(image.credentials);
      const repository = this.#client.repository(image, { credentials });
      return await repository.openBlob({ digest: digest as Digest, size }, { signal });
    };
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #credentials(sealed: string): RegistryCredentials {
    const { username, password } = parseRegistryCredentials(unseal(sealed, this.#keys));
    return new RegistryCredentials(username, password);
  }
}
