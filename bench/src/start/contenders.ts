import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { DesiredLrp } from '@slipway/contracts';
import { type DockerEngine, startDockerEngine } from '@slipway/infra';
import { type BuiltImage, lrpOfImage, pushImage, type RegistryHandle } from '@slipway/testing';
import { BenchCell } from '../cell/bench-cell.ts';
import { firstAnswer } from '../cell/first-answer.ts';
import { freePort } from '../cell/free-port.ts';
import { PROBE_PORT, STARTED_PATH } from '../cell/probe-images.ts';

/** Milliseconds from the moment at which the start was asked for. */
export interface StartTimes {
  readonly exec: number;
  readonly first200: number;
  /** When who was asked to start it said that it had. */
  readonly returned: number;
}

export interface ProbeImage {
  readonly name: string;
  readonly image: BuiltImage;
}

/** Somebody who starts an image that is there already. */
export interface Starter {
  readonly name: 'slipway' | 'docker';
  /** Starts it, waits for its first answer, and removes it again. */
  start(image: ProbeImage): Promise<StartTimes>;
  stop(): Promise<void>;
}

export async function pushProbe({ name, image }: ProbeImage, registry: RegistryHandle): Promise<void> {
  await pushImage(registry, `bench/${name}`, 'latest', image);
}

/** From the record of a placement, which the scheduler writes, to an answer through the router. */
export class SlipwayStarter implements Starter {
  readonly name = 'slipway';
  readonly cell: BenchCell;
  readonly #registry: RegistryHandle;
  readonly #stopped: AbortSignal;

  private constructor(cell: BenchCell, registry: RegistryHandle, stopped: AbortSignal) {
    this.cell = cell;
    this.#registry = registry;
    this.#stopped = stopped;
  }

  static async open(registry: RegistryHandle, stopped: AbortSignal): Promise<SlipwayStarter> {
    return new SlipwayStarter(await BenchCell.start(), registry, stopped);
  }

  async start({ name, image }: ProbeImage): Promise<StartTimes> {
    const host = `${name}-${randomUUID().slice(0, 8)}.apps.localhost`;
    const lrp: DesiredLrp = lrpOfImage(
      image,
      { registry: this.#registry.address, repository: `bench/${name}` },
      { routes: [{ uri: host, port: PROBE_PORT, protocol: 'http1' }], resources: { memoryMb: 256, diskMb: 256 } },
    );
    await this.cell.desire(lrp);
    const instanceGuid = randomUUID();
    const target = { port: this.cell.routerPort, host, path: STARTED_PATH };
    const asked = performance.now();
    const answer = firstAnswer(target, this.#stopped);
    await this.cell.place(lrp, 0, instanceGuid);
    await this.cell.untilRunning(instanceGuid);
    const returned = performance.now() - asked;
    const { at, body } = await answer;
    await this.cell.remove(instanceGuid);
    return { exec: execAfter(asked, body), first200: at - asked, returned };
  }

  async stop(): Promise<void> {
    await this.cell.stop();
  }
}

/** `docker run -d -p`, by an engine of its own that has the image. */
export class DockerStarter implements Starter {
  readonly name = 'docker';
  readonly #engine: DockerEngine;
  readonly #registry: RegistryHandle;
  readonly #stopped: AbortSignal;

  private constructor(engine: DockerEngine, registry: RegistryHandle, stopped: AbortSignal) {
    this.#engine = engine;
    this.#registry = registry;
    this.#stopped = stopped;
  }

  static async open(
    images: readonly ProbeImage[],
    registry: RegistryHandle,
    stopped: AbortSignal,
  ): Promise<DockerStarter> {
    const engine = await startDockerEngine(stopped);
    const starter = new DockerStarter(engine, registry, stopped);
    try {
      for (const { name } of images) await engine.docker(['pull', '--quiet', starter.#reference(name)]);
      return starter;
    } catch (error) {
      await engine.stop();
      throw error;
    }
  }

  async start({ name }: ProbeImage): Promise<StartTimes> {
    const port = await freePort();
    const container = `bench-${randomUUID().slice(0, 8)}`;
    const publish = `127.0.0.1:${port}:${PROBE_PORT}`;
    const asked = performance.now();
    await this.#engine.docker(['run', '--detach', '--name', container, '--publish', publish, this.#reference(name)]);
    const returned = performance.now() - asked;
    // Not before: a packet to an address that is not on the bridge yet costs a second, until ARP asks again.
    const { at, body } = await firstAnswer({ port, host: 'localhost', path: STARTED_PATH }, this.#stopped);
    await this.#engine.docker(['rm', '--force', container]);
    return { exec: execAfter(asked, body), first200: at - asked, returned };
  }

  async stop(): Promise<void> {
    await this.#engine.stop();
  }

  #reference(name: string): string {
    return `${this.#registry.address}/bench/${name}:latest`;
  }
}

/** `started`: seconds since 1970, which the process itself has noted. */
function execAfter(asked: number, started: string): number {
  return Number(started) * 1_000 - (performance.timeOrigin + asked);
}
