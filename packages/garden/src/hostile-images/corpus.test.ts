import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { HOSTILE_IMAGES } from './corpus.test-support.ts';
import type { HostileImage } from './hostile-image.test-support.ts';

const all = HOSTILE_IMAGES.flatMap(({ images }) => images);

/** What an image is made of: two with the same are one case. */
function fingerprint(image: HostileImage): string {
  const hash = createHash('sha256').update(image.kind);
  const stage = { outside: '/outside' };
  if (image.kind === 'layers') {
    hash.update(JSON.stringify(image.limits ?? {}));
    for (const { bytes, lies } of image.layers(stage)) hash.update(JSON.stringify(lies ?? {})).update(bytes);
  } else if (image.kind === 'rootfs') {
    hash.update(JSON.stringify(image.process)).update(image.layer(stage).bytes);
  } else {
    const { manifests, blobs } = image.documents();
    for (const [name, { mediaType, bytes }] of Object.entries(manifests)) hash.update(name + mediaType).update(bytes);
    for (const bytes of Object.values(blobs)) hash.update(bytes);
  }
  return hash.digest('hex');
}

test('there are at least 300 hostile images, no two of them the same', () => {
  expect(all.length).toBeGreaterThanOrEqual(300);
  const seen = new Map<string, string>();
  const twice: string[] = [];
  for (const { title, images } of HOSTILE_IMAGES) {
    expect(new Set(images.map(({ name }) => name)).size, title).toBe(images.length);
    for (const image of images) {
      const print = fingerprint(image);
      const name = `${title}: ${image.name}`;
      if (seen.has(print)) twice.push(`${seen.get(print)} = ${name}`);
      seen.set(print, name);
    }
  }
  expect(twice).toEqual([]);
});

test('most of them are refused, and each refusal has its code', () => {
  const refused = all.filter(({ expect: outcome }) => 'refused' in outcome);
  expect(refused.length).toBeGreaterThanOrEqual(300);
});
