import { resolvedImageSchema, type WantedImage } from '@slipway/contracts';
import { type Platform, sealCredentials } from '../actions/platform.ts';
import { PullCredentials } from '../actions/pull-credentials.ts';
import type { Db } from '../adapters/sql/schema.ts';
import {
  loadImagesOf,
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
      const image = (await loadImagesOf(db, [guid])).get(guid);
      if (row === undefined || image === undefined) return undefined;
      const { vault, cellPublicKey } = platform;
      const pull = await PullCredentials.load(db, row.app);
      const own = sealCredentials(vault, row, purposes.dropletPassword(guid), cellPublicKey);
      const record = toRecord(platform, row, image, pull);
      const withOwn = own === undefined ? record.image : { ...record.image, credentials: own };
      return { ...record, image: pull.complete(platform, row.app, withOwn) };
    },
    // Without the sealed credentials, which are not compared: sealing those of a whole platform takes its time.
    loadAll: async function* (known) {
      const pull = await PullCredentials.load(db);
      for await (const rows of loadWantedImages(db)) {
        const entries = rows.map((row) => ({ row, version: `${versionOf(row)} ${pull.version(row.app)}` }));
        const news = entries.filter(({ row, version }) => !known(row.dropletGuid, version));
        const images = await loadImagesOf(
          db,
          news.map(({ row }) => row.dropletGuid),
        );
        yield entries.flatMap(({ row, version }) => {
          const guid = row.dropletGuid;
          const image = images.get(guid);
          // It went meanwhile.
          if (image === undefined && !known(guid, version)) return [];
          return [{ guid, version, record: () => toRecord(platform, row, image ?? 'not loaded', pull) }];
        });
      }
    },
  };
}

function toRecord(platform: Needs, row: WantedImageRow, imageText: string, pull: PullCredentials): WantedImage {
  const { dropletGuid, app, current, placementTags } = row;
  const image = resolvedImageSchema.parse(JSON.parse(imageText));
  const credentialsId = credentialsIdOf(platform, row) ?? pull.credentialsId(platform, app, image);
  return {
    v: 1,
    dropletGuid,
    app,
    current,
    image,
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
