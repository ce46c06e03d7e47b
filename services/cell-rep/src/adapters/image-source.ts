import { type DesiredLrp, parseRegistryCredentials } from '@slipway/contracts';
import type { FetchLayer, GardenError, LayerDescriptor, LayerSource } from '@slipway/garden';
import { type Digest, type RegistryClient, RegistryCredentials } from '@slipway/oci';
import { describeError, type SealingKeys, unseal } from '@slipway/service-kit';
import { LayerSearch } from '../domain/layer-search.ts';
import { layerUnavailable } from '../executor/layer-unavailable.ts';
import type { PullListener } from '../executor/ports.ts';

/** Other cells of this platform. */
export interface PeerSource {
  /** Undefined when none of them has it. */
  open(descriptor: LayerDescriptor, signal: AbortSignal): Promise<LayerSource | undefined>;
}

export interface ImageSourceOptions {
  /** Of all cells: what is sealed to it are pull credentials. */
  readonly keys: SealingKeys;
  /** Ended by `close`. */
  readonly client: RegistryClient;
  readonly peers?: PeerSource;
}

/** Other cells are several: one that sends something else says nothing of the rest. */
const PEER_TRIES = 2;

/** One place that a layer may come from. */
interface Place {
  /** In the words of the log. */
  readonly name: string;
  /** How often it may send something that is not the layer. */
  readonly tries: number;
  open(descriptor: LayerDescriptor, signal: AbortSignal): Promise<LayerSource | undefined>;
}

/**
 * Where layers come from that are not in the cell's store: other cells, the platform's own registry if staging copied
 * the image there, the image's own. Each is asked by digest only, and only when those before it failed.
 */
export class ImageSource {
  readonly #client: RegistryClient;
  readonly #keys: SealingKeys;
  readonly #peers: PeerSource | undefined;

  constructor({ keys, client, peers }: ImageSourceOptions) {
    this.#client = client;
    this.#keys = keys;
    this.#peers = peers;
  }

  /**
   * For the time of one pull: credentials are unsealed when a layer is really fetched, and kept nowhere. `onDetour`
   * hears of each place that failed, once. The returned function rejects with what went wrong in all places; CodedError
   * SEAL_BROKEN is among that when credentials are sealed to another key.
   */
  open({ image }: Pick<DesiredLrp, 'image'>, onDetour: PullListener['onDetour'] = () => undefined): FetchLayer {
    const places = this.#places(image);
    const searches = new Map<string, LayerSearch<Place>>();
    const told = new Set<Place>();
    return async (descriptor, signal) => {
      const { digest } = descriptor;
      const search = searches.get(digest) ?? new LayerSearch(places);
      searches.set(digest, search);
      const tell = (place: Place, next: Place | undefined, error: unknown): void => {
        if (next === undefined || told.has(place)) return;
        told.add(place);
        const what = `failed to download layer ${digest} from ${place.name}, asking ${next.name}`;
        onDetour({ what, why: describeError(error) });
      };
      for (let place = search.place; place !== undefined; place = search.place) {
        const [asked, next] = [place, search.after];
        try {
          const source = await asked.open(descriptor, signal);
          if (source === undefined) {
            const bad = search.failed();
            if (bad !== undefined) tell(asked, next, bad);
          } else if (next === undefined) return { ...source, bytes: withFailures(source.bytes, digest, search) };
          else {
            const reject = (error: GardenError): void => {
              source.reject?.(error);
              if (search.sentBad(error)) tell(asked, next, error);
            };
            return { ...source, reject };
          }
        } catch (error) {
          signal.throwIfAborted();
          tell(asked, next, error);
          search.failed(error);
        }
      }
      throw layerUnavailable(digest, search.failures);
    };
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #places(image: DesiredLrp['image']): readonly Place[] {
    const { copy } = image;
    const peers = this.#peers;
    const places: Place[] = [];
    if (peers !== undefined) {
      places.push({ name: 'other cells', tries: PEER_TRIES, open: (layer, signal) => peers.open(layer, signal) });
    }
    if (copy !== undefined) {
      const name = `the droplet registry ${copy.registry}`;
      places.push({ name, tries: 1, open: (layer, signal) => this.#fetch(copy, undefined, layer, signal) });
    }
    const open: Place['open'] = async (layer, signal) => {
      const credentials = image.credentials === undefined ? undefined : this.#credentials(image.credentials);
      return await this.#fetch(image, credentials, layer, signal);
    };
    return [...places, { name: `the registry ${image.registry}`, tries: 1, open }];
  }

  async #fetch(
    from: { readonly registry: string; readonly repository: string },
    credentials: RegistryCredentials | undefined,
    { digest, size }: LayerDescriptor,
    signal: AbortSignal,
  ): Promise<LayerSource> {
    const repository = this.#client.repository(from, { credentials });
    return {
      kind: 'blob',
      owned: true,
      bytes: await repository.openBlob({ digest: digest as Digest, size }, { signal }),
    };
  }

  #credentials(sealed: string): RegistryCredentials {
    const { username, password } = parseRegistryCredentials(unseal(sealed, this.#keys));
    return new RegistryCredentials(username, password);
  }
}

/** From the last place: what breaks it off is told with what the others said. */
function withFailures(
  bytes: AsyncIterable<Uint8Array>,
  digest: string,
  search: LayerSearch<Place>,
): AsyncIterable<Uint8Array> {
  if (search.failures.length === 0) return bytes;
  return (async function* () {
    try {
      yield* bytes;
    } catch (error) {
      search.failed(error);
      throw layerUnavailable(digest, search.failures);
    }
  })();
}
