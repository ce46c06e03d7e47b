import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '@slipway/infra';
import { startRegistry } from '@slipway/testing';
import { type Contender, Docker, GunzipAndTar, Podman, Slipway } from './contenders.ts';
import { onFreshDisk } from './fresh-disk.ts';
import { type HostImage, pushHostImages } from './host-image.ts';

const SPECS = [
  { name: 'small', layersMb: [75, 50, 25] },
  { name: 'large', layersMb: [250, 200, 150, 100] },
] as const;

const MEGABYTE = 1e6;

/**
 * `npm run bench -- pull [RUNS]`: a cold pull of two images from a registry on loopback, by Slipway, Docker and Podman in
 * turn, and the same layers through gunzip and tar alone. Ratios are medians of those of each round, so that what
 * disturbs one round disturbs both sides of its ratios.
 */
export async function benchPull(args: readonly string[], stopped: AbortSignal): Promise<object> {
  const rounds = Number(args[0] ?? 5);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('usage: npm run bench -- pull [RUNS]');
  const directory = await mkdtemp(join(tmpdir(), 'slipway-bench-pull-'));
  const registry = await startRegistry();
  const contenders: Contender[] = [];
  try {
    const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));
    const images = await pushHostImages(SPECS, registry, ['/usr/lib', '/usr/bin', '/usr/share', modules], directory);
    const slipway = new Slipway(directory);
    contenders.push(slipway, new GunzipAndTar());
    for (const [program, contender] of [
      ['dockerd', new Docker(stopped)],
      ['podman', new Podman()],
    ] as const) {
      if (await hasProgram(program)) contenders.push(contender);
      else console.log(`SKIPPED against ${program}: it is not installed ("apt-get install docker.io podman").`);
    }
    const result: Record<string, object> = {};
    for (const image of images) {
      describe(image);
      const times = await race(image, contenders, directory, rounds, stopped);
      result[image.name] = summary(image, times, slipway.peaksMb.get(image.name));
    }
    return { bench: 'pull', rounds, ...result };
  } finally {
    for (const contender of contenders) await contender.stop();
    await registry.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function hasProgram(name: string): Promise<boolean> {
  return (await runCommand('sh', ['-c', 'command -v "$0"', name])).exitCode === 0;
}

type Times = ReadonlyMap<string, readonly number[]>;

async function race(
  image: HostImage,
  contenders: readonly Contender[],
  directory: string,
  rounds: number,
  stopped: AbortSignal,
): Promise<Times> {
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  // The first round warms all of them, and the page cache, and does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const contender of contenders) {
      stopped.throwIfAborted();
      const ms = await onFreshDisk(directory, (disk) => contender.pull(image, disk));
      if (round > 0) times.get(contender.name)?.push(ms);
    }
    const latest = [...times].map(([name, all]) => `${name} ${((all.at(-1) ?? 0) / 1000).toFixed(2)} s`);
    if (round > 0) console.log(`${image.name}, round ${round} of ${rounds}: ${latest.join(', ')}`);
  }
  return times;
}

function summary(image: HostImage, times: Times, peakMb: number | undefined): object {
  const own = times.get('slipway') ?? [];
  const ratio = (other: string): number | undefined => {
    const theirs = times.get(other);
    return theirs && round(median(own.map((ms, i) => ms / (theirs[i] ?? Number.NaN))));
  };
  const seconds = [...times].map(([name, all]) => [`${name}_s`, round(median(all) / 1000)]);
  return {
    ratio_docker: ratio('docker'),
    ratio_podman: ratio('podman'),
    ratio_limit: ratio('limit'),
    ...Object.fromEntries(seconds),
    peak_rss_mb: peakMb === undefined ? undefined : Math.round(peakMb),
    layers: image.layerFiles.length,
    compressed_mb: Math.round(image.compressedBytes / MEGABYTE),
    unpacked_mb: Math.round(image.tarBytes / MEGABYTE),
    files: image.files,
  };
}

function describe({ name, layerFiles, compressedBytes, tarBytes, files }: HostImage): void {
  const [packed, unpacked] = [compressedBytes, tarBytes].map((bytes) => (bytes / MEGABYTE).toFixed(0));
  console.log(`${name}: ${layerFiles.length} layers, ${files} files, ${packed} MB packed, ${unpacked} MB unpacked`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
