import { loadWantedImagesOf } from '../adapters/sql/wanted-image-rows.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';

/**
 * Takes note of which images of an app the cells shall keep; when the unit has made its changes, those of which that is
 * otherwise are announced.
 */
export async function trackWantedImages(unit: UnitOfWork, appGuid: string): Promise<void> {
  await unit.once(`images of ${appGuid}`, async () => {
    const before = await loadWantedImagesOf(unit.sql, appGuid);
    return async () => {
      const after = await loadWantedImagesOf(unit.sql, appGuid);
      for (const guid of new Set([...before.keys(), ...after.keys()])) {
        if (before.get(guid) !== after.get(guid)) await unit.announce('image', guid);
      }
    };
  });
}
