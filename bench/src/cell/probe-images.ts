import { readFile, realpath } from 'node:fs/promises';
import { runToEnd } from '@slipway/infra';
import { hostPlatform } from '@slipway/oci';
import { type BuiltImage, buildImage, buildLayer, sampleImage, type TarEntry } from '@slipway/testing';

/** Where a probe image serves the moment at which its process was executed, in milliseconds since 1970. */
export const STARTED_PATH = '/started';
export const PROBE_PORT = 8080;

/**
 * Busybox's httpd with one file. The shell that becomes the server notes its own beginning first, with no process
 * started for it: that is the moment of the exec, and the same on whatever runs the image.
 */
export async function staticServer(): Promise<BuiltImage> {
  const [busybox] = (await sampleImage()).layers;
  if (busybox === undefined) throw new Error('the sample image has no layers');
  const serve = `echo $EPOCHREALTIME > /www${STARTED_PATH}; exec busybox httpd -f -p 0.0.0.0:${PROBE_PORT} -h /www`;
  return buildImage({
    layers: [busybox, buildLayer([{ name: 'www/' }, { name: 'www/index.html', content: 'ok\n' }])],
    platform: hostPlatform(),
    config: {
      Env: ['PATH=/bin'],
      ExposedPorts: { [`${PROBE_PORT}/tcp`]: {} },
      Entrypoint: ['/bin/sh', '-c', serve],
    },
  });
}

const SERVER = `require('node:http').createServer((_, response) => {
  response.end(String(performance.timeOrigin / 1000));
}).listen(${PROBE_PORT}, '0.0.0.0');
`;

/** A hello server of this Node; its process's own time origin is what it answers. */
export async function nodeServer(): Promise<BuiltImage> {
  const program = await realpath(process.execPath);
  const linked = await runToEnd('ldd', [program]);
  const libraries = [...linked.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path as string);
  const entries: TarEntry[] = [
    { name: 'node', content: await readFile(program), mode: 0o755 },
    { name: 'server.js', content: SERVER },
  ];
  for (const path of libraries) entries.push({ name: path.slice(1), content: await readFile(path), mode: 0o755 });
  return buildImage({
    // Packing a hundred megabytes would take longer than the benchmark.
    layers: [buildLayer(entries, 'none')],
    platform: hostPlatform(),
    config: {
      Env: ['PATH=/'],
      ExposedPorts: { [`${PROBE_PORT}/tcp`]: {} },
      Entrypoint: ['/node', '/server.js'],
    },
  });
}
