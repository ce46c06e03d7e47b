// @module-tag root
import { expect, test } from 'vitest';
import type { LayerHandle } from '../layers/layer.ts';
import { busyboxImage, containerSpec, runToEnd, storeImage, testCell, useCell } from './garden.test-support.ts';
import type { Garden } from './garden.ts';

// Real containers of images with unusual owners, users and volumes.

const options = testCell();
let garden: Garden;
let busybox: readonly LayerHandle[];
useCell(options, (opened, image) => {
  garden = opened;
  busybox = image;
});

test('an image with files and users of high ids runs as it is, and writes under them', async () => {
  const image = await storeImage(
    garden,
    busyboxImage([
      { name: 'opt/app/', type: '5', pax: { uid: '1000660000' }, mode: 0o700 },
      { name: 'opt/app/f', content: 'of the app\n', pax: { uid: '1000660000' }, mode: 0o600 },
    ]),
  );
  const command = 'cd /opt/app && cat f && touch new && stat -c "%u:%g %n" f new && id -u';
  const { lines, status } = await runToEnd(garden, containerSpec(image, { command, user: '1000660000' }));
  expect([lines, status]).toEqual([['of the app', '1000660000:0 f', '1000660000:0 new', '1000660000'], 0]);
});

test('a high user of which nothing else in the image tells gets its ids too, with its groups', async () => {
  const image = await storeImage(
    garden,
    busyboxImage([
      { name: 'etc/passwd', content: 'root:x:0:0::/:/bin/sh\nfar:x:2147483647:900000000::/:/bin/sh\n' },
      { name: 'etc/group', content: 'root:x:0:\nteam:x:900000001:far\n' },
    ]),
  );
  const { lines } = await runToEnd(garden, containerSpec(image, { command: 'id -u; id -g; id -G', user: 'far' }));
  expect(lines).toEqual(['2147483647', '900000000', '900000000 900000001']);
  const root = await runToEnd(garden, containerSpec(busybox, { command: 'cat /proc/self/uid_map | wc -l' }));
  expect(root.lines).toEqual(['1']);
});

test('volumes of the image are directories of its own, with the owners that it gave them', async () => {
  const image = await storeImage(
    garden,
    busyboxImage([
      { name: 'data/', type: '5', uid: 1000, gid: 1001, mode: 0o770 },
      { name: 'data/seed', content: 'x', uid: 1000 },
      { name: 'real/', type: '5' },
      { name: 'link', type: '2', link: '/real' },
    ]),
  );
  const spec = containerSpec(image, {
    command: 'stat -c "%u:%g %a %n" data data/seed made made/deep link/in real/in; touch data/new && echo written',
  });
  const imageVolumes = ['/data', 'made/deep', '/link/in', '/../made', '/sys/fs/cgroup', '/proc/x'];
  const { lines } = await runToEnd(garden, { ...spec, imageVolumes });
  expect(lines).toEqual([
    '1000:1001 770 data',
    '1000:0 644 data/seed',
    '0:0 755 made',
    '0:0 755 made/deep',
    '0:0 755 link/in',
    '0:0 755 real/in',
    'written',
  ]);
});

test.each([
  ['a file', { name: 'v', content: 'x' }],
  ['a link that leads nowhere', { name: 'v', type: '2', link: '/nowhere' }],
  ['a ring of links', { name: 'v', type: '2', link: 'v' }],
])('a volume at %s is refused', async (_, entry) => {
  const image = await storeImage(garden, busyboxImage([entry]));
  const spec = { ...containerSpec(image, { command: 'true' }), imageVolumes: ['/v'] };
  await expect(garden.create(spec)).rejects.toMatchObject({ code: 'IMAGE_FILE_INVALID', phase: 'rootfs' });
});
