import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runToEnd, startDockerEngine } from '@slipway/infra';
import type { HostImage } from './host-image.ts';
import type { PullOrder, PullReport } from './slipway-puller.ts';

/** Somebody who can make the files of an image from its layers. */
export interface Contender {
  readonly name: string;
  /** Milliseconds for an image of which nothing is there; everything is kept below `directory`. */
  pull(image: HostImage, directory: string): Promise<number>;
  stop(): Promise<void>;
}

/** As the supervisor starts a cell. */
const CELL_MEMORY = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '1048576',
  MALLOC_TRIM_THRESHOLD_: '1048576',
};

/** Slipway's own registry client and layer store, in a process of their own. */
export class Slipway implements Contender {
  readonly name = 'slipway';
  readonly #child: ChildProcess;
  /** Of each image, the most memory of a pull. */
  readonly peaksMb = new Map<string, number>();

  constructor(directory: string) {
    this.#child = fork(new URL('./slipway-puller.ts', import.meta.url), {
      env: { ...process.env, ...CELL_MEMORY, NODE_COMPILE_CACHE: join(directory, 'compile-cache') },
      execArgv: ['--max-semi-space-size=4'],
    });
  }

  async pull(image: HostImage, directory: string): Promise<number> {
    const order: PullOrder = { reference: image.reference, directory: join(directory, 'layers') };
    this.#child.send(order);
    const [{ report, error }] = (await once(this.#child, 'message')) as [
      { readonly report?: PullReport; readonly error?: string },
    ];
    if (report === undefined) throw new Error(`slipway could not pull ${image.name}: ${error}`);
    this.peaksMb.set(image.name, Math.max(this.peaksMb.get(image.name) ?? 0, report.peakRssMb));
    return report.ms;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }
}

/** `docker pull` by an engine of its own, which is up before time is taken. */
export class Docker implements Contender {
  readonly name = 'docker';
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  async pull({ reference }: HostImage, directory: string): Promise<number> {
    const engine = await startDockerEngine(this.#signal, { dataRoot: join(directory, 'docker') });
    try {
      return await timed(() => engine.docker(['pull', '--quiet', reference]));
    } finally {
      await engine.stop();
    }
  }

  async stop(): Promise<void> {}
}

/** `podman pull` as root. */
export class Podman implements Contender {
  readonly name = 'podman';

  async pull({ reference }: HostImage, directory: string): Promise<number> {
    const storage = ['--root', join(directory, 'root'), '--runroot', join(directory, 'run')];
    const options = [...storage, '--storage-driver', 'overlay'];
    return await timed(() => runToEnd('podman', [...options, 'pull', '--quiet', '--tls-verify=false', reference]));
  }

  async stop(): Promise<void> {}
}

/** All layers at once through gunzip and tar, with no registry, no digests and no record: nobody does less. */
export class GunzipAndTar implements Contender {
  readonly name = 'limit';

  async pull({ layerFiles }: HostImage, directory: string): Promise<number> {
    return await timed(() =>
      Promise.all(
        layerFiles.map(async (file, i) => {
          const into = join(directory, String(i));
          await mkdir(into);
          await runToEnd('sh', ['-c', 'gzip -dc "$0" | tar --extract --directory "$1"', file, into]);
        }),
      ),
    );
  }

  async stop(): Promise<void> {}
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
