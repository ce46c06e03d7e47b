import { setTimeout as delay } from 'node:timers/promises';
import type { LayerDescriptor, LayerSource } from '@slipway/garden';
import { describeError, type Logger } from '@slipway/service-kit';
import { decideTurn, inLayerOrder, type PeerAnswer } from '../../domain/peer-turn.ts';
import type { Peer, PeerClient } from './peer-client.ts';
import type { PeerLayer } from './peer-protocol.ts';

/** Cells asked for one layer, the first ones in the layer's order, and how many of them at one time. */
const MAX_ASKED = 64;
const ASKED_AT_ONCE = 16;

/** How long a cell waits for others that are about to have a layer, or have no place free, and how often it looks. */
const PATIENCE_MS = 60_000;
const POLL_MS = 250;

/** For how long a cell is not asked that did not answer, that broke off, or that sent something else. */
const SILENT_MS = 10_000;
const BROKEN_MS = 30_000;
const WRONG_MS = 600_000;

export interface PeerLayersOptions {
  readonly cellId: string;
  readonly client: Pick<PeerClient, 'ask' | 'archive'>;
  /** The other cells that are there. */
  readonly live: () => readonly Peer[];
  readonly patienceMs?: number;
  readonly onFetched?: (bytes: number) => void;
  readonly logger: Logger;
}

/** A layer that this cell is getting, as others may hear. */
interface Want {
  fetching: boolean;
  /** Cells that asked for it since this one began to ask. */
  readonly rivals: Set<string>;
}

interface Stream {
  readonly peer: Peer;
  readonly size: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Layers from the other cells, so that the platform fetches each of them once. */
export class PeerLayers {
  readonly #options: PeerLayersOptions;
  readonly #wants = new Map<string, Want>();
  /** When a cell is asked again, by its id. */
  readonly #passedOver = new Map<string, number>();

  constructor(options: PeerLayersOptions) {
    this.#options = options;
  }

  /**
   * A layer that another cell has, or is about to have. Undefined: none does, and until `signal` aborts, which it must
   * at the end of the download too, this cell is the one that the others wait for.
   */
  async open({ digest, diffId, size }: LayerDescriptor, signal: AbortSignal): Promise<LayerSource | undefined> {
    const layer = { digest, diffId, size };
    const want = this.#want(layer, signal);
    const stream = await this.#find(layer, want, signal);
    want.fetching = true;
    return stream === undefined ? undefined : this.#source(layer, stream, signal);
  }

  /** What another cell hears that asks for a layer which this one does not have. */
  answer(layer: PeerLayer, cellId: string): PeerAnswer {
    const want = this.#wants.get(keyOf(layer));
    if (want === undefined) return { state: 'none' };
    if (!want.fetching) want.rivals.add(cellId);
    return { state: 'coming', fetching: want.fetching };
  }

  #want(layer: PeerLayer, signal: AbortSignal): Want {
    const key = keyOf(layer);
    signal.throwIfAborted();
    const want = { fetching: false, rivals: new Set<string>() };
    this.#wants.set(key, want);
    const end = (): void => {
      if (this.#wants.get(key) === want) this.#wants.delete(key);
    };
    signal.addEventListener('abort', end, { once: true });
    return want;
  }

  async #find(layer: PeerLayer, want: Want, signal: AbortSignal): Promise<Stream | undefined> {
    const { cellId, patienceMs = PATIENCE_MS } = this.#options;
    const until = performance.now() + patienceMs;
    let asked = this.#candidates(layer);
    let all = true;
    for (;;) {
      // Whoever asks from here on does not have to be heard by its answer.
      want.rivals.clear();
      const answers = await this.#askAll(asked, layer, signal);
      const stream = await this.#begin(asked, answers, layer, 0, signal);
      if (stream !== undefined) return stream;
      const patient = performance.now() < until;
      const turn = decideTurn({ cellId, diffId: layer.diffId, answers, rivals: want.rivals, patient });
      if (turn.kind === 'wait') {
        await delay(POLL_MS, undefined, { signal });
        asked = this.#candidates(layer).filter((peer) => turn.for.includes(peer.cellId));
        all = false;
      } else if (all || !patient) return undefined;
      else {
        // Those that were waited for do not get it after all; others may have begun meanwhile.
        asked = this.#candidates(layer);
        all = true;
      }
    }
  }

  #candidates({ diffId }: PeerLayer): Peer[] {
    const now = performance.now();
    for (const [cellId, until] of this.#passedOver) if (until <= now) this.#passedOver.delete(cellId);
    const peers = new Map(this.#options.live().map((peer) => [peer.cellId, peer]));
    return inLayerOrder([...peers.keys()], diffId)
      .filter((cellId) => !this.#passedOver.has(cellId))
      .slice(0, MAX_ASKED)
      .flatMap((cellId) => peers.get(cellId) ?? []);
  }

  /** The answers that came, the quickest first. */
  async #askAll(peers: readonly Peer[], layer: PeerLayer, signal: AbortSignal): Promise<Map<string, PeerAnswer>> {
    const answers = new Map<string, PeerAnswer>();
    const left = [...peers];
    const askSome = async (): Promise<void> => {
      for (let peer = left.shift(); peer !== undefined; peer = left.shift()) {
        try {
          answers.set(peer.cellId, await this.#options.client.ask(peer, layer, signal));
        } catch (error) {
          signal.throwIfAborted();
          this.#passOver(peer, SILENT_MS, error);
        }
      }
    };
    await Promise.all(Array.from({ length: ASKED_AT_ONCE }, askSome));
    return answers;
  }

  /**
   * A stream from one of those that have the layer, when it can be had now; `size` when it must be of that. Of those
   * that did not give it after all, the answers are corrected.
   */
  async #begin(
    peers: readonly Peer[],
    answers: Map<string, PeerAnswer>,
    layer: PeerLayer,
    from: number,
    signal: AbortSignal,
    size?: number,
  ): Promise<Stream | undefined> {
    for (const [cellId, answer] of answers) {
      const peer = peers.find((each) => each.cellId === cellId);
      if (peer === undefined || answer.state !== 'have' || answer.busy) continue;
      if (size !== undefined && answer.archiveBytes !== size) continue;
      try {
        const wanted = { layer, size: answer.archiveBytes, from };
        const bytes = await this.#options.client.archive(peer, wanted, signal);
        if (typeof bytes !== 'string') return { peer, size: answer.archiveBytes, bytes };
        answers.set(cellId, bytes === 'busy' ? { ...answer, busy: true } : { state: 'none' });
      } catch (error) {
        signal.throwIfAborted();
        this.#passOver(peer, BROKEN_MS, error);
        answers.set(cellId, { state: 'none' });
      }
    }
    return undefined;
  }

  #source(layer: PeerLayer, first: Stream, signal: AbortSignal): LayerSource {
    const used = new Set<Peer>();
    return {
      kind: 'archive',
      owned: true,
      bytes: this.#bytes(layer, first, used, signal),
      ...(first.size === 0 ? {} : { size: first.size }),
      reject: (error) => {
        // One that broke off has been noted; bytes that are not the layer came from one of these.
        if (error.code === 'LAYER_FETCH_FAILED') return;
        for (const peer of used) this.#passOver(peer, WRONG_MS, error);
      },
    };
  }

  /** An archive is the same everywhere: where one cell breaks off, another goes on. */
  async *#bytes(layer: PeerLayer, first: Stream, used: Set<Peer>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { size } = first;
    const failures: string[] = [];
    let from = 0;
    for (let stream: Stream | undefined = first; ; ) {
      used.add(stream.peer);
      try {
        for await (const piece of stream.bytes) {
          from += piece.length;
          this.#options.onFetched?.(piece.length);
          yield piece;
        }
        return;
      } catch (error) {
        signal.throwIfAborted();
        this.#passOver(stream.peer, BROKEN_MS, error);
        failures.push(`cell ${stream.peer.cellId} broke off after ${from} of ${size} bytes: ${describeError(error)}`);
      }
      const peers = this.#candidates(layer);
      stream = await this.#begin(peers, await this.#askAll(peers, layer, signal), layer, from, signal, size);
      if (stream === undefined) throw new Error(`${failures.join('; ')}; no other cell has it`);
    }
  }

  #passOver(peer: Peer, ms: number, error: unknown): void {
    this.#passedOver.set(peer.cellId, Math.max(this.#passedOver.get(peer.cellId) ?? 0, performance.now() + ms));
    this.#options.logger.warn({ err: error, cellId: peer.cellId, forMs: ms }, 'peers.passed-over');
  }
}

function keyOf({ digest, diffId, size }: PeerLayer): string {
  return `${digest} ${diffId} ${size}`;
}
