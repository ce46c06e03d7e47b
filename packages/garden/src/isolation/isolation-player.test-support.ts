import { randomBytes } from 'node:crypto';
import {
  ESCAPES,
  type Escape,
  type EscapeOutcome,
  isolationProbes,
  lookAround,
  openSealedMachine,
  type ProbeOutcome,
  probeBase,
  probeEntries,
  probeOutcomes,
  type SealedMachine,
  type TarEntry,
  tarArchive,
} from '@slipway/testing';
import { GardenError } from '../errors.ts';
import type { ProcessRequest } from '../image/process.ts';
import { expectConfinement } from '../layers/canary.test-support.ts';
import { sha256 } from '../layers/digest.test-support.ts';
import type { LayerHandle } from '../layers/layer.ts';
import type { ContainerSpec } from '../runtime/container-spec.ts';
import { Garden } from '../runtime/garden.ts';
import type { Isolation } from '../runtime/isolation.ts';

// A program for `runSealed`: plays all probes and escapes in containers of a real cell, and says what came of them.

/** What this program says. */
export interface IsolationReport {
  /** What the cell says of itself. */
  readonly isolation: Isolation;
  readonly probes: Readonly<Record<string, ProbeOutcome>>;
  readonly escapes: Readonly<Record<string, EscapeOutcome>>;
}

async function main(): Promise<IsolationReport> {
  const machine = await openSealedMachine();
  const cell = `isolation-${randomBytes(4).toString('hex')}`;
  const garden = await Garden.open({
    cell,
    dataDir: machine.cellDirectory,
    runDir: `/run/slipway-${cell}`,
    subnet: '10.199.0.0/26',
    idBase: 0x7800_0000,
    nameServers: ['192.0.2.53'],
  });
  try {
    await expectConfinement(garden.layers.layersDir);
    return {
      isolation: garden.isolation,
      probes: await playProbes(garden, machine),
      escapes: await playEscapes(garden, machine),
    };
  } finally {
    await garden.teardown();
    await machine.close();
  }
}

async function playProbes(garden: Garden, machine: SealedMachine): Promise<IsolationReport['probes']> {
  const families = isolationProbes(process.pid);
  const base = await store(garden, probeBase());
  const neighbour = await garden.create(spec(base, { entrypoint: ['/bin/httpd', '-f', '-p', '8080', '-h', '/etc'] }));
  await neighbour.start();
  const [SECRET_A, SECRET_B] = machine.secret;
  const { outside: OUTSIDE } = machine;
  const variables = { SECRET_A, SECRET_B, OUTSIDE, HOST_PID: String(process.pid), NEIGHBOUR: neighbour.address };
  const image = await store(garden, probeEntries(families, variables));
  const { lines } = await run(garden, spec(image, { entrypoint: ['/bin/sh', '/probe/run'] }));
  await neighbour.delete();
  machine.checkOutside();
  return Object.fromEntries(probeOutcomes(families, lines));
}

async function playEscapes(garden: Garden, machine: SealedMachine): Promise<IsolationReport['escapes']> {
  const outcomes: Record<string, EscapeOutcome> = {};
  for (const trick of ESCAPES) {
    outcomes[trick.name] = await playEscape(garden, machine, trick);
    machine.checkOutside();
  }
  return outcomes;
}

async function playEscape(garden: Garden, { outside, secret }: SealedMachine, trick: Escape): Promise<EscapeOutcome> {
  const image = await store(garden, trick.entries(outside));
  const astray = {
    entrypoint: trick.entrypoint ?? ['/bin/sh', '-c', lookAround(outside)],
    workdir: trick.workdir ?? '',
  };
  try {
    const order =
      trick.by === 'exec'
        ? spec(
            image,
            { entrypoint: ['/bin/sleep', '1000'] },
            { sidecars: [{ name: 'other', process: request(astray) }] },
          )
        : spec(image, astray);
    const { lines } = await run(garden, order);
    return lines.some((line) => line.includes(secret.join(''))) ? 'escaped' : 'harmless';
  } catch (error) {
    if (error instanceof GardenError) return error.code;
    throw error;
  }
}

async function store(garden: Garden, entries: readonly TarEntry[]): Promise<readonly LayerHandle[]> {
  const tar = tarArchive(entries);
  const mediaType = 'application/vnd.oci.image.layer.v1.tar';
  const descriptor = { digest: sha256(tar), size: tar.length, mediaType, diffId: sha256(tar) };
  return await garden.layers.ensureLayers([descriptor], async function* () {
    yield tar;
  });
}

const request = (process: Partial<ProcessRequest>): ProcessRequest => ({
  entrypoint: [],
  cmd: [],
  workdir: '',
  user: '',
  imageEnv: ['PATH=/bin'],
  env: {},
  ...process,
});

function spec(
  layers: readonly LayerHandle[],
  process: Partial<ProcessRequest>,
  more: Partial<ContainerSpec> = {},
): ContainerSpec {
  return {
    handle: `c-${randomBytes(4).toString('hex')}`,
    layers,
    process: request(process),
    limits: { memoryBytes: 128 * 1024 * 1024, cpuShares: 64, pids: 512, nofile: 1024 },
    ...more,
  };
}

/** To its end; one with another process beside it to the end of that. */
async function run(garden: Garden, order: ContainerSpec): Promise<{ readonly lines: readonly string[] }> {
  const container = await garden.create(order);
  try {
    const lines: string[] = [];
    const reader = container.readLogs((more) => {
      lines.push(...more.map(({ line }) => Buffer.from(line).toString()));
    });
    await container.start();
    await Promise.all(container.sidecars.map(({ exited }) => exited));
    if (container.sidecars.length > 0) await container.stop({ signal: 'SIGKILL', graceMs: 60_000 });
    await container.exited;
    await reader.ended;
    return { lines };
  } finally {
    await container.delete();
  }
}

console.log(JSON.stringify(await main()));
