// @module-tag root
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LayerHandle } from '../layers/layer.ts';
import type { VolumeSpec } from '../rootfs/volume-spec.ts';
import { busyboxImage, containerSpec, runToEnd, storeImage, testCell, useCell } from './garden.test-support.ts';
import type { Garden } from './garden.ts';

// Directories of the host in real containers.

const options = testCell();
let garden: Garden;
let image: readonly LayerHandle[];
let root: string;
useCell(options, (opened) => {
  garden = opened;
});
beforeAll(async () => {
  image = await storeImage(
    garden,
    busyboxImage([
      { name: 'real/', type: '5' },
      { name: 'link', type: '2', link: '/real' },
      { name: 'file', content: 'x' },
    ]),
  );
  root = mkdtempSync(join(tmpdir(), 'slipway-volumes-'));
  for (const name of ['data', 'roots', 'data/deep', 'inner']) mkdirSync(join(root, name));
  writeFileSync(join(root, 'inner/of-inner'), '');
  chownSync(join(root, 'inner'), 1500, 1600);
  writeFileSync(join(root, 'data/of-host'), 'from the host\n');
  writeFileSync(join(root, 'data/of-root'), 'secret\n', { mode: 0o600 });
  for (const path of ['data', 'data/deep', 'data/of-host']) chownSync(join(root, path), 1500, 1600);
  chmodSync(join(root, 'data'), 0o750);
  symlinkSync('/etc', join(root, 'data/out'));
});
afterAll(() => rmSync(root, { recursive: true }));

const volume = (changes: Partial<VolumeSpec> = {}): VolumeSpec => ({
  root,
  path: 'data',
  destination: '/vol/data',
  readOnly: false,
  ...changes,
});

async function run(command: string, volumes: readonly VolumeSpec[], user = 'app'): Promise<readonly string[]> {
  const { lines } = await runToEnd(garden, { ...containerSpec(image, { command, user }), volumes });
  return lines;
}

describe('a volume', () => {
  test("belongs to the app's user there, and to the directory's owner on the host", async () => {
    const command =
      'stat -c "%u:%g %a" /vol/data; cat /vol/data/of-host; cat /vol/data/of-root 2>&1; echo new > /vol/data/new; stat -c "%u:%g" /vol/data/of-root';
    expect(await run(command, [volume()])).toEqual([
      '1000:1001 750',
      'from the host',
      "cat: can't open '/vol/data/of-root': Permission denied",
      '65534:65534',
    ]);
    const { uid, gid } = statSync(join(root, 'data/new'));
    expect([uid, gid, readFileSync(join(root, 'data/new'), 'utf8')]).toEqual([1500, 1600, 'new\n']);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain('/vol/data');
    expect(statSync(join(root, 'data/of-host')).uid).toBe(1500);
  });

  test('may belong to another user of the image, whom its root helps', async () => {
    const owner = { uid: 77, gid: 0 };
    const command = 'stat -c "%u:%g" /vol/data; touch /vol/data/x 2>&1; su -s /bin/sh app -c true; id -u';
    expect((await run(command, [volume({ owner })], '77:0'))[0]).toBe('77:0');
    expect(statSync(join(root, 'data/x')).uid).toBe(1500);
  });

  test('that is read-only is not written to, and nothing in it is setuid or a device', async () => {
    const command = 'touch /vol/data/no 2>&1; grep " /vol/data " /proc/self/mounts | tr "," " "';
    const [refused, mounted = ''] = await run(command, [volume({ readOnly: true })]);
    expect(refused).toContain('Read-only file system');
    expect(mounted.split(' ')).toEqual(expect.arrayContaining(['ro', 'nosuid', 'nodev']));
  });

  test('cannot be made writable, or unmounted from within', async () => {
    const command = 'mount -o remount,rw /vol/data 2>&1; umount /vol/data 2>&1; ls /vol/data';
    const lines = await run(command, [volume({ readOnly: true })], 'root');
    expect(lines).toContain('of-host');
  });

  test('goes with its container, and what is in it stays', async () => {
    const container = await garden.create({ ...containerSpec(image, { command: 'sleep 1000' }), volumes: [volume()] });
    await container.start();
    await container.delete();
    await garden.sweep();
    expect(readFileSync(join(root, 'data/of-host'), 'utf8')).toBe('from the host\n');
  });

  test('is not hidden by another around it, whichever is named first', async () => {
    const inner = volume({ path: 'inner', destination: '/vol/data/deep', readOnly: true });
    for (const volumes of [
      [inner, volume()],
      [volume(), inner],
    ]) {
      expect(await run('ls /vol/data/deep; touch /vol/data/deep/x 2>&1', volumes)).toEqual([
        'of-inner',
        'touch: /vol/data/deep/x: Read-only file system',
      ]);
    }
  });

  test('may be one of several', async () => {
    const volumes = [
      volume(),
      volume({ path: 'data/deep', destination: '/deep', readOnly: true }),
      volume({ path: '', destination: '/all', readOnly: true }),
    ];
    expect(await run('ls -d /vol/data/of-host /deep /all/data', volumes)).toEqual([
      '/all/data',
      '/deep',
      '/vol/data/of-host',
    ]);
  });
});

test.each([
  ['is not there', { path: 'nothing' }, 'VOLUME_NOT_FOUND'],
  ['is a file', { path: 'data/of-host' }, 'VOLUME_NOT_FOUND'],
  ['is behind a link', { path: 'data/out' }, 'VOLUME_REFUSED'],
  ['climbs', { path: '../etc' }, 'VOLUME_REFUSED'],
  ["is root's, to be written to", { path: 'roots' }, 'VOLUME_REFUSED'],
  ['is for an id that the container has not', { owner: { uid: 70_000 } }, 'VOLUME_INVALID'],
  ['goes to /proc', { destination: '/proc/x' }, 'VOLUME_INVALID'],
  ["hides the cell's own files", { destination: '/etc' }, 'VOLUME_INVALID'],
  ["goes upon one of the cell's own files", { destination: '/etc/hosts' }, 'VOLUME_INVALID'],
  ['goes to /', { destination: '/' }, 'VOLUME_INVALID'],
  ['goes to a path with ..', { destination: '/a/../b' }, 'VOLUME_INVALID'],
  ['goes through a link of the image', { destination: '/link/x' }, 'VOLUME_INVALID'],
  ['goes upon a file', { destination: '/file' }, 'IMAGE_FILE_INVALID'],
])('a volume that %s is refused, and nothing is left', async (_, changes, code) => {
  const spec = { ...containerSpec(image, { command: 'true', user: 'app' }), volumes: [volume(changes)] };
  await expect(garden.create(spec)).rejects.toMatchObject({ code });
  expect(garden.container(spec.handle)).toBeUndefined();
  expect((await garden.sweep()).containers).toEqual([]);
});
