import { opendir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runToEnd } from '@slipway/infra';
import { digestOf } from '@slipway/oci';
import { type BuiltLayer, buildImage, pushImage, type RegistryHandle } from '@slipway/testing';

/** One that is larger is rare in an image, and would be most of a layer. */
const MAX_FILE_BYTES = 40e6;

/** An image in a registry; its layers are files too, for tools that need no registry. */
export interface HostImage {
  readonly name: string;
  readonly reference: string;
  /** Of each layer, as the registry has it. */
  readonly layerFiles: readonly string[];
  readonly compressedBytes: number;
  readonly tarBytes: number;
  readonly files: number;
}

export interface HostImageSpec {
  readonly name: string;
  /** Megabytes of content in each layer. */
  readonly layersMb: readonly number[];
}

/**
 * Images of what this machine has below `roots`: programs, libraries and scripts in the sizes that they have in images,
 * packed as builders pack them. No file is in two layers.
 */
export async function pushHostImages(
  specs: readonly HostImageSpec[],
  registry: RegistryHandle,
  roots: readonly string[],
  directory: string,
): Promise<HostImage[]> {
  const files = filesBelow(roots);
  const images: HostImage[] = [];
  for (const { name, layersMb } of specs) {
    const layers: PackedLayer[] = [];
    for (const [i, megabytes] of layersMb.entries()) {
      const list: string[] = [];
      for (let bytes = 0; bytes < megabytes * 1e6; ) {
        const { value, done } = await files.next();
        if (done === true)
          throw new Error(`there are too few files below ${roots.join(' and ')} for the image ${name}`);
        list.push(value.path);
        bytes += value.size;
      }
      layers.push(await packFiles(list, join(directory, `${name}-${i}`)));
    }
    const image = buildImage({
      layers: layers.map(({ layer }) => layer),
      config: { Cmd: ['/bin/true'] },
      format: 'docker',
    });
    const { reference } = await pushImage(registry, `bench/${name}`, 'latest', image);
    images.push({
      name,
      reference,
      layerFiles: layers.map(({ path }) => path),
      compressedBytes: layers.reduce((sum, { layer }) => sum + layer.size, 0),
      tarBytes: layers.reduce((sum, { tarBytes }) => sum + tarBytes, 0),
      files: layers.reduce((sum, { files: count }) => sum + count, 0),
    });
  }
  return images;
}

interface PackedLayer {
  readonly layer: BuiltLayer;
  readonly path: string;
  readonly tarBytes: number;
  readonly files: number;
}

async function packFiles(files: readonly string[], base: string): Promise<PackedLayer> {
  const [list, tar, packed] = [`${base}.list`, `${base}.tar`, `${base}.tar.gz`];
  await writeFile(
    list,
    withDirectories(files)
      .map((path) => `${path.slice(1)}\0`)
      .join(''),
  );
  const owner = ['--owner=0', '--group=0', '--numeric-owner'];
  const names = ['--no-recursion', '--null', '--files-from', list];
  await runToEnd('tar', ['--create', '--file', tar, '--directory', '/', ...owner, ...names]);
  const { size: tarBytes } = await stat(tar);
  const diffId = digestOf(await readFile(tar));
  await runToEnd('gzip', ['-6', '--no-name', tar]);
  await unlink(list);
  const bytes = await readFile(packed);
  const layer: BuiltLayer = { packing: 'gzip', bytes, digest: digestOf(bytes), size: bytes.length, diffId };
  return { layer, path: packed, tarBytes, files: files.length };
}

/** Each file's directories before it, once, as builders write them. */
function withDirectories(files: readonly string[]): string[] {
  const paths = new Set<string>();
  for (const file of files) {
    const parts = file.split('/');
    for (let depth = 2; depth < parts.length; depth++) paths.add(parts.slice(0, depth).join('/'));
    paths.add(file);
  }
  return [...paths];
}

/** In the order of their names, so that two runs on one machine have the same images. */
async function* filesBelow(roots: readonly string[]): AsyncGenerator<{ readonly path: string; readonly size: number }> {
  for (const root of roots) {
    const entries = [];
    for await (const entry of await opendir(root)) entries.push(entry);
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const path = join(root, entry.name);
      if (entry.isDirectory()) yield* filesBelow([path]);
      else if (entry.isFile()) {
        const { size } = await stat(path);
        if (size <= MAX_FILE_BYTES) yield { path, size };
      }
    }
  }
}
