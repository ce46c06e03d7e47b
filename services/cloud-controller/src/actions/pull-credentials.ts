import { createHash } from 'node:crypto';
import { type CredentialsInUse, loadCredentialsInUse } from '../adapters/sql/registry-credential-rows.ts';
import type { Sql } from '../adapters/sql/schema.ts';
import { bestCredentials } from '../domain/registry-credentials/credential-scope.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import { type Platform, sealCredentials } from './platform.ts';

/** A space with its organization. */
interface Place {
  readonly spaceGuid: string;
  readonly organizationGuid: string;
}

interface PulledImage {
  readonly registry: string;
  readonly repository: string;
  readonly credentials?: string | undefined;
}

/**
 * What images are pulled with whose packages bring no credentials. It is looked up whenever it is needed and copied
 * nowhere, so a changed password is what everybody uses next.
 */
export class PullCredentials {
  readonly #byPlace: ReadonlyMap<string, readonly CredentialsInUse[]>;
  readonly #versions = new Map<string, string>();

  private constructor(all: readonly CredentialsInUse[]) {
    this.#byPlace = Map.groupBy(all, ({ spaceGuid, organizationGuid }) => spaceGuid ?? organizationGuid ?? '');
  }

  /** Those of one place, or of all. */
  static async load(sql: Sql, place?: Place): Promise<PullCredentials> {
    return new PullCredentials(await loadCredentialsInUse(sql, place));
  }

  find(place: Place, image: PulledImage): CredentialsInUse | undefined {
    const candidates = [place.spaceGuid, place.organizationGuid].flatMap((guid) => this.#byPlace.get(guid) ?? []);
    return bestCredentials(candidates, place, image);
  }

  /** An image as cells are told of it. The package's own credentials, which came with it, win. */
  complete<I extends PulledImage>(platform: Pick<Platform, 'vault'>, place: Place, image: I): I {
    const credentials = image.credentials ?? this.#forCells(platform, place, image);
    return credentials === undefined ? image : { ...image, credentials };
  }

  /** The same as long as the image is pulled with the same credentials; undefined when with none. */
  credentialsId(platform: Pick<Platform, 'vault'>, place: Place, image: PulledImage): string | undefined {
    const credentials = this.#forCells(platform, place, image);
    return credentials === undefined ? undefined : platform.vault.mark(credentials, 'registry credentials for cells');
  }

  /** The same as long as nothing changes that a place may use. */
  version({ spaceGuid, organizationGuid }: Place): string {
    const known = this.#versions.get(spaceGuid);
    if (known !== undefined) return known;
    const usable = [spaceGuid, organizationGuid].flatMap((guid) => this.#byPlace.get(guid) ?? []);
    const version = usable.length === 0 ? '' : createHash('sha256').update(JSON.stringify(usable)).digest('base64url');
    this.#versions.set(spaceGuid, version);
    return version;
  }

  #forCells({ vault }: Pick<Platform, 'vault'>, place: Place, image: PulledImage): string | undefined {
    const found = this.find(place, image);
    return found === undefined ? undefined : vault.decrypt(found.cellCredentials, purposes.cellCredentials(found.guid));
  }
}

/** For a stager; with words for the staging log that say whose they are. */
export function credentialsForStager(
  { vault }: Pick<Platform, 'vault'>,
  found: CredentialsInUse,
  stagerPublicKey: string,
): { readonly credentials?: string; readonly credentialsOf: string } {
  const credentials = sealCredentials(vault, found, purposes.registryPassword(found.guid), stagerPublicKey);
  const kind = found.spaceGuid === null ? 'organization' : 'space';
  const credentialsOf = `the registry credentials ${JSON.stringify(found.name)} of ${kind} ${JSON.stringify(found.placeName)}`;
  return { credentialsOf, ...(credentials === undefined ? {} : { credentials }) };
}
