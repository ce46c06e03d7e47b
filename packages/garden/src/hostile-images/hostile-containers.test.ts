// @module-tag root
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MOUNTED_DIRECTORIES } from '../bundle/oci-config.ts';
import { type ResolvedProcess, resolveProcess } from '../image/process.ts';
import { sha256 } from '../layers/digest.test-support.ts';
import { sealHost } from '../layers/sealed-host.test-support.ts';
import { unpackArchive } from '../layers/unpack.test-support.ts';
import { checkMountPoints, RootfsView } from '../rootfs/rootfs-files.ts';
import { HOSTILE_CONTAINERS } from './corpus.test-support.ts';
import type { HostileRootfs } from './hostile-image.test-support.ts';

// What is looked up in an image before a container is made of it, in images that would lead it astray. Nothing is started.

let dir: string;
beforeAll(() => {
  dir = sealHost();
  mkdirSync(join(dir, 'outside'));
  writeFileSync(join(dir, 'outside', 'victim'), 'untouched');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Unpacked layers by their digests: many cases differ in what is run only. */
const roots = new Map<string, string>();

async function unpacked(image: HostileRootfs): Promise<string> {
  const { bytes } = image.layer({ outside: join(dir, 'outside') });
  const known = roots.get(sha256(bytes));
  const root = known ?? (await unpackArchive(dir, bytes)).root;
  roots.set(sha256(bytes), root);
  return root;
}

/** As the cell does it, in this order. */
async function look(image: HostileRootfs): Promise<ResolvedProcess> {
  const view = new RootfsView(await unpacked(image));
  try {
    checkMountPoints(view);
    const { entrypoint = [], workdir = '', user = '', imageEnv = [] } = image.process;
    const request = { entrypoint, cmd: [], workdir, user, imageEnv, env: {} };
    return resolveProcess(request, view, MOUNTED_DIRECTORIES);
  } finally {
    view.close();
  }
}

describe.each(HOSTILE_CONTAINERS)('$title', ({ images }) => {
  test.each(images.filter((image) => image.kind === 'rootfs'))('$name', async (image) => {
    const outcome = await look(image).catch((error: unknown) => error);
    if ('refused' in image.expect) {
      expect(outcome).toMatchObject({ code: image.expect.refused });
      // One line of text, whatever the image is called, and no more than fits into a message.
      expect((outcome as Error).message).toMatch(/^[^\p{Cc}]{1,1000}$/u);
      expect(JSON.stringify(outcome).length).toBeLessThan(10_000);
    } else expect(outcome).toMatchObject('read' in image.expect ? (image.expect.read as object) : {});
    expect(readdirSync(join(dir, 'outside'))).toEqual(['victim']);
  });
});
