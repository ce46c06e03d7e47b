import {
  Garden,
  type Container as GardenContainer,
  type ContainerExit as GardenExit,
  type GardenOptions,
  type ImageName,
  type LayerHandle,
  type VolumeSpec,
} from '@slipway/garden';
import type { Logger } from '@slipway/service-kit';
import type { PlaceConfig } from '../config.ts';
import { decideVolume, type VolumeAllowance } from '../domain/volume-allowance.ts';
import { RepError } from '../errors.ts';
import { notesSchema, taskNotesSchema } from '../executor/notes.ts';
import type {
  Container,
  ContainerExit,
  ContainerSpec,
  Containers,
  FoundContainer,
  PulledImage,
  PullListener,
  Workload,
} from '../executor/ports.ts';
import { runImageCheck } from './image-check.ts';
import type { ImageSource } from './image-source.ts';
import { parseStopSignal } from './stop-signal.ts';

const MEBIBYTE = 1024 * 1024;
/** Garden-runC: `container_max_cpu_shares`; a weight is a hundredth of them. */
const MAX_CPU_SHARES = 1_024;
const MIN_CPU_SHARES = 2;

export function openGarden(
  config: PlaceConfig,
  logger: Logger,
  more: Pick<GardenOptions, 'layers' | 'deadlines' | 'onStep'> = {},
): Promise<Garden> {
  return Garden.open({
    cell: config.CELL_ID,
    dataDir: config.CELL_DATA_DIR,
    subnet: config.CELL_SUBNET,
    reachableFrom: config.CELL_REACHABLE_FROM,
    namesOwnServer: config.CELL_NAME_SERVER === 'own',
    diskLimits: config.CELL_DISK_LIMITS,
    ...more,
    ...(config.CELL_RUNTIME === undefined ? {} : { programs: { runc: config.CELL_RUNTIME } }),
    ...(config.CELL_UID_BASE === undefined ? {} : { idBase: config.CELL_UID_BASE }),
    onProblem: (error) => logger.error({ err: error }, 'garden.problem'),
  });
}

/** The cell's containers as the executor sees them. */
export class GardenContainers implements Containers {
  readonly #garden: Garden;
  readonly #images: ImageSource;
  readonly #logger: Logger;
  readonly #allowances: readonly VolumeAllowance[];

  constructor(garden: Garden, images: ImageSource, logger: Logger, allowances: readonly VolumeAllowance[]) {
    this.#allowances = allowances;
    this.#garden = garden;
    this.#images = images;
    this.#logger = logger;
  }

  async pull(
    lrp: Pick<Workload, 'image' | 'log' | 'metricTags'>,
    signal: AbortSignal,
    { onProgress, onDetour }: PullListener,
  ): Promise<PulledImage> {
    const fetch = this.#images.open(lrp, onDetour);
    const { organization_id: tenant } = lrp.metricTags;
    const options = {
      signal,
      onProgress,
      image: imageName(lrp),
      from: lrp.image.registry.toLowerCase(),
      ...(tenant === undefined ? {} : { tenant }),
    };
    const layers = await this.#garden.layers.ensureLayers(lrp.image.layers, fetch, options);
    return { layers, release: () => layers.release() };
  }

  async create(
    { instanceGuid, lrp, image, environment, notes }: ContainerSpec,
    signal: AbortSignal,
  ): Promise<Container> {
    const { action, resources } = lrp;
    const [program, ...args] = action.argv;
    const container = await this.#garden.create(
      {
        handle: instanceGuid,
        layers: image.layers as readonly LayerHandle[],
        image: imageName(lrp),
        process: ({ address }) => ({
          entrypoint: program === undefined ? [] : [program],
          cmd: args,
          workdir: action.workdir,
          user: action.user,
          imageEnv: action.imageEnv,
          env: environment(address),
        }),
        sidecars: (lrp.sidecars ?? []).map((sidecar) => ({
          name: sidecar.name,
          process: ({ address }) => ({
            entrypoint: sidecar.argv,
            cmd: [],
            workdir: action.workdir,
            user: action.user,
            imageEnv: action.imageEnv,
            env: environment(address, sidecar),
          }),
        })),
        imageVolumes: action.imageVolumes ?? [],
        // The app's guid, of instances and tasks alike.
        networkGroup: lrp.log.sourceId,
        files: lrp.files ?? [],
        volumes: volumesOf(lrp, this.#allowances),
        ...(lrp.egress === undefined ? {} : { egress: lrp.egress }),
        limits: {
          memoryBytes: resources.memoryMb * MEBIBYTE,
          cpuShares: Math.max(MIN_CPU_SHARES, Math.floor((MAX_CPU_SHARES * resources.cpuWeight) / 100)),
          pids: resources.maxPids,
          nofile: resources.nofile,
          diskBytes: resources.diskMb * MEBIBYTE,
        },
        annotations: { notes },
      },
      { signal },
    );
    return this.#adapt(container);
  }

  async list(): Promise<readonly FoundContainer[]> {
    return this.#garden.containers().map((container) => {
      const notes = notesSchema.or(taskNotesSchema).safeParse(container.annotations.notes);
      if (!notes.success) this.#logger.error({ err: notes.error, instanceGuid: container.handle }, 'notes.invalid');
      // Without a status alone it may as well have crashed: its shim may have been killed.
      const lost = container.beforeRestart && container.exit?.status === null;
      return {
        container: this.#adapt(container),
        state: container.exit === undefined ? 'running' : lost ? 'lost' : 'exited',
        notes: notes.data,
        startedAt: (container.startedAt ?? container.createdAt).getTime(),
      };
    });
  }

  #adapt(container: GardenContainer): Container {
    return {
      instanceGuid: container.handle,
      address: container.address,
      start: () => container.start(),
      sidecars: container.sidecars.map((sidecar) => ({
        name: sidecar.name,
        exited: async () => exitOf(await sidecar.exited),
        signal: async (name) => void sidecar.signal(parseStopSignal(name) ?? 'SIGTERM'),
      })),
      exited: async () => exitOf(await container.exited),
      signal: async (name) => {
        const known = parseStopSignal(name);
        if (known === undefined) this.#logger.warn({ instanceGuid: container.handle, name }, 'stop-signal.unknown');
        container.signal(known ?? 'SIGTERM');
      },
      readLines: (onLines, signal) => readLines(container, onLines, signal),
      annotate: async (notes) => container.annotate({ notes }),
      allow: (egress) => container.allow(egress),
      check: (program, timeoutMs, signal) => runImageCheck(container, program, timeoutMs, signal),
      listeners: async () => container.listeners(),
      usage: async () => {
        const stats = container.stats();
        if (stats === undefined) throw new Error('the container is gone');
        return { cpuNanoseconds: Number(stats.cpuNs), memoryBytes: stats.memoryBytes, diskBytes: stats.diskBytes };
      },
      delete: () => container.delete(),
    };
  }
}

/** @throws RepError REP_VOLUME_REFUSED */
function volumesOf({ volumes = [], app }: Workload, allowances: readonly VolumeAllowance[]): VolumeSpec[] {
  return volumes.map(({ source, destination, readOnly, uid, gid }) => {
    const decision = decideVolume({ source, readOnly }, allowances, app);
    if (decision.outcome === 'refused') throw new RepError('REP_VOLUME_REFUSED', decision.reason);
    const { root, path } = decision;
    return { root, path, destination, readOnly, owner: { uid, gid } };
  });
}

/** What it is called where the disk is accounted for. */
function imageName({ image, log, metricTags }: Pick<Workload, 'image' | 'log' | 'metricTags'>): ImageName {
  const name = metricTags.app_name;
  const app = { guid: log.sourceId, ...(name === undefined ? {} : { name }) };
  return { id: image.manifestDigest, reference: image.reference, app };
}

function exitOf({ status, outOfMemory, at }: GardenExit): ContainerExit {
  return { status: status ?? undefined, outOfMemory, at: Date.parse(at) };
}

async function readLines(
  container: GardenContainer,
  onLines: Parameters<Container['readLines']>[0],
  signal: AbortSignal,
): Promise<void> {
  const reader = container.readLogs((lines) =>
    onLines(
      lines.map(({ sidecar, stream, line, timestampNs }) => ({
        sidecar,
        stream: stream === 'stdout' ? 'OUT' : 'ERR',
        bytes: line,
        timestampNs,
      })),
    ),
  );
  // What stopping it fails with is what `ended` fails with.
  const stop = (): void => void reader.stop().catch(() => undefined);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    await reader.ended;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
