import { execFileSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { findCgroups } from '../cgroup/hierarchy.ts';
import { listCgroups } from '../cgroup/removal.ts';
import type { ProcessRequest } from '../image/process.ts';
import { expectConfinement } from '../layers/canary.test-support.ts';
import { sha256 } from '../layers/digest.test-support.ts';
import type { LayerHandle } from '../layers/layer.ts';
import { inPieces } from '../layers/unpack.test-support.ts';
import type { LogLine } from '../logs/log-reader.ts';
import { type TarSpec, writeTar } from '../tar/tar-writer.test-support.ts';
import { busyboxEntries } from './busybox.test-support.ts';
import { findServingProcesses } from './cell-processes.ts';
import type { Container } from './container.ts';
import type { ContainerSpec } from './container-spec.ts';
import { Garden } from './garden.ts';
import type { GardenOptions } from './garden-options.ts';

/** Options of a cell that no other test has. Nothing is made yet: files whose tests are skipped call this too. */
export function testCell(): GardenOptions & { readonly runDir: string } {
  const cell = `test-${randomBytes(4).toString('hex')}`;
  const dataDir = join(tmpdir(), `garden-cell-${cell}`);
  return {
    cell,
    dataDir,
    runDir: `/run/slipway-${cell}`,
    subnet: `10.${randomInt(200, 250)}.${randomInt(256)}.${randomInt(4) * 64}/26`,
    idBase: 0x7000_0000 + randomInt(64) * 64 * 65_536,
    nameServers: ['192.0.2.53'],
  };
}

/** A small image: busybox with its usual names, root and an ordinary user. */
export function busyboxImage(more: readonly TarSpec[] = []): readonly TarSpec[] {
  return [...busyboxEntries(), ...more];
}

/** Puts a one-layer image into the cell's store. */
export async function storeImage(garden: Garden, entries: readonly TarSpec[]): Promise<readonly LayerHandle[]> {
  await expectConfinement(garden.layers.layersDir);
  const tar = writeTar(entries);
  const mediaType = 'application/vnd.oci.image.layer.v1.tar';
  const descriptor = { digest: sha256(tar), size: tar.length, mediaType, diffId: sha256(tar) };
  return await garden.layers.ensureLayers([descriptor], () => inPieces(tar));
}

let count = 0;

/** More than any test but those of the limit itself has use for. */
const DISK_BYTES = 512 * 1024 * 1024;

export function containerSpec(
  layers: readonly LayerHandle[],
  process: Partial<ProcessRequest>,
  changes: Partial<ContainerSpec> = {},
): ContainerSpec {
  count += 1;
  return {
    handle: `c${count}-${randomBytes(3).toString('hex')}`,
    layers,
    process: { entrypoint: [], cmd: [], workdir: '', user: '', imageEnv: [], env: {}, ...process },
    limits: { memoryBytes: 64 * 1024 * 1024, cpuShares: 64, pids: 64, nofile: 1024, diskBytes: DISK_BYTES },
    ...changes,
  };
}

/** Collects a container's lines. */
export class Lines {
  readonly all: string[] = [];
  readonly #waiting = new Set<() => void>();

  readonly sink = (lines: readonly LogLine[]): void => {
    for (const { line } of lines) this.all.push(Buffer.from(line).toString());
    for (const look of this.#waiting) look();
  };

  /** Resolves when a line has the text. */
  async until(text: string): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!this.all.some((line) => line.includes(text))) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}

/** Runs a shell script in a container to its end; gives what it wrote and how it ended. The container is deleted. */
export async function runToEnd(
  garden: Garden,
  spec: ContainerSpec,
): Promise<{
  readonly lines: readonly string[];
  readonly status: number | null;
  readonly container: Container;
  readonly outOfMemory: boolean;
}> {
  const container = await garden.create(spec);
  const lines = new Lines();
  const reader = container.readLogs(lines.sink);
  await container.start();
  const exit = await container.exited;
  await reader.ended;
  await container.delete();
  return { lines: lines.all, status: exit.status, container, outOfMemory: exit.outOfMemory };
}

/** Fails when anything of the cell is left on the machine but its data directory, and removes that. */
export function expectNothingLeft(options: ReturnType<typeof testCell>): void {
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(options.cell);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(options.dataDir);
  expect(listCgroups(findCgroups(), '/slipway')).not.toContain(options.cell);
  expect(findServingProcesses(join(options.dataDir, 'containers'))).toEqual([]);
  expect(readdirSync(join(options.dataDir, 'containers'))).toEqual([]);
  expect(existsSync(options.runDir)).toBe(false);
  expect(execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' })).not.toContain(
    options.cell.replaceAll('-', '_'),
  );
  expect(execFileSync('ip', ['-o', 'addr'], { encoding: 'utf8' })).not.toContain(
    ` ${options.subnet.slice(0, options.subnet.lastIndexOf('.'))}.`,
  );
  rmSync(options.dataDir, { recursive: true });
}

export async function openCell(options: GardenOptions): Promise<Garden> {
  return await Garden.open(options);
}

/** Opens a cell before the tests of a file, with busybox in its store; after them it must leave nothing. */
export function useCell(
  options: ReturnType<typeof testCell>,
  opened: (garden: Garden, image: readonly LayerHandle[]) => void,
): void {
  let garden: Garden | undefined;
  beforeAll(async () => {
    garden = await openCell(options);
    opened(garden, await storeImage(garden, busyboxImage()));
  });
  afterAll(async () => {
    await garden?.teardown();
    expectNothingLeft(options);
  });
}
