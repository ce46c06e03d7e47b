import { readFile } from 'node:fs/promises';
import { type BuiltImage, buildImage, buildLayer, jsonContent, type TarEntry } from '@slipway/testing';
import type { ImageFields } from './row.ts';

const APPLETS = 'sh cat env false grep hostname id ip ls sleep stat test touch wc'.split(' ');

/** Tells of all that a process is given, runs what the app asks for, and then waits for a signal. */
const REPORT = `#!/bin/busybox sh
for signal in TERM QUIT USR1 37; do trap "echo got $signal; exit 0" "$signal"; done
for argument; do echo "arg $argument"; done
echo "cwd $(busybox pwd)"
echo "user $(busybox id -u):$(busybox id -g) $(busybox id -G)"
echo "env $(busybox env -0 | busybox base64 -w 0)"
eval "$PROBE" | busybox sed 's/^/probe /'
eval "$SETTING"
echo "report done"
while :; do busybox sleep 0.1; done
`;

/** A small image that reports, with these fields in its config. */
export async function conformanceImage(fields: ImageFields): Promise<BuiltImage> {
  const base: TarEntry[] = [
    { name: 'bin/busybox', content: await readFile('/bin/busybox'), mode: 0o755 },
    ...APPLETS.map((name): TarEntry => ({ name: `bin/${name}`, type: 'symlink', linkName: 'busybox' })),
    { name: 'bin/report', content: REPORT, mode: 0o755 },
    { name: 'etc/passwd', content: 'root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n' },
    { name: 'etc/group', content: 'root:x:0:\napp:x:1001:\nlogs:x:44:app\n' },
    { name: 'home/app/', uid: 1000, gid: 1001 },
    { name: 'tmp/', mode: 0o1777 },
  ];
  const files = (fields.files ?? []).map(
    ({ linkName, ...entry }): TarEntry => ({
      ...entry,
      ...(linkName === undefined ? {} : { type: 'symlink', linkName }),
    }),
  );
  const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
  const image = buildImage({
    platform,
    layers: [buildLayer(base), ...(files.length === 0 ? [] : [buildLayer(files)])],
  });
  const document = JSON.parse(image.config.bytes.toString()) as Record<string, unknown>;
  const config = jsonContent(image.config.mediaType, {
    ...document,
    config: { Entrypoint: ['/bin/report'], ...fields.config },
    ...fields.top,
  });
  const manifest = JSON.parse(image.manifest.bytes.toString()) as Record<string, unknown>;
  const { mediaType, digest, size } = config;
  return {
    ...image,
    config,
    manifest: jsonContent(image.manifest.mediaType, { ...manifest, config: { mediaType, digest, size } }),
    blobs: [config, ...image.layers],
  };
}
