import { resolvedImageSchema, type WantedImage } from '@slipway/contracts';
import { type Platform, sealCredentials } from '../actions/platform.ts';
import type { Db } from '../adapters/sql/schema.ts';
import {
  loadWantedImage,
  loadWantedImages,
  versionOf,
  type WantedImageRow,
} from '../adapters/sql/wanted-image-rows.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import type { DesiredSource } from './desired-sync.ts';

type Needs = Pick<Platform, 'vault' | 'cellPublicKey'>;

/** The images that cells shall keep. */
export function wantedImageSource(db: Db, platform: Needs): DesiredSource<WantedImage> {
  return {
    load: async (guid) => {
      const row = await loadWantedImage(db, guid);
      if (row === undefined) return undefined;
      const { vault, cellPublicKey } = platform;
      const credentials = sealCredentials(vault, row, purposes.dropletPassword(guid), cellPublicKey);
      const record = toRecord(platform, row);
      return credentials === undefined ? record : { ...record, image: { ...record.image, credentials } };
    },
    // Without the sealed credentials, which are not compared: sealing those of a whole platform takes its time.
    loadAll: async function* () {
      for await (const rows of loadWantedImages(db)) {
        yield rows.map((row) => ({
          guid: row.dropletGuid,
          version: versionOf(row),
          record: () => toRecord(platform, row),
        }));
      }
    },
  };
}

function toRecord(platform: Needs, row: WantedImageRow): WantedImage {
  const { dropletGuid, app, current, placementTags } = row;
  const credentialsId = credentialsIdOf(platform, row);
  return {
    v: 1,
    dropletGuid,
    app,
    current,
    image: resolvedImageSchema.parse(JSON.parse(row.image)),
    ...(credentialsId === undefined ? {} : { credentialsId }),
    placementTags: [...placementTags],
  };
}

/** Of the credentials and of the key that they are sealed to: when either is another, the record is written anew. */
function credentialsIdOf({ vault, cellPublicKey }: Needs, row: WantedImageRow): string | undefined {
  if (row.username === null || row.password === null) return undefined;
  const password = vault.decrypt(row.password, purposes.dropletPassword(row.dropletGuid));
  return vault.mark(JSON.stringify([cellPublicKey, row.username, password]), 'credentials of a wanted image');
}
