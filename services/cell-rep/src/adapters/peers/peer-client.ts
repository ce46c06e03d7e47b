import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { type SlowLimits, SlowWatch } from '@slipway/garden';
import type { PeerAnswer } from '../../domain/peer-turn.ts';
import { ARCHIVE_PATH, ASK_PATH, answerSchema, type PeerLayer, readMessage } from './peer-protocol.ts';
import { clientTls } from './peer-tls.ts';

/** Another cell, and where it gives its layers away. */
export interface Peer {
  readonly cellId: string;
  readonly address: string;
  readonly port: number;
}

export interface PeerDeadlines extends SlowLimits {
  /** Until an answer, the connection included. */
  readonly answerMs: number;
}

const CONNECTIONS_OF_A_PEER = 16;

/** Speaks with other cells. Whatever one of them does, a call ends in time and holds little memory. */
export class PeerClient {
  readonly #cellId: string;
  readonly #deadlines: PeerDeadlines;
  readonly #agent: Agent;

  constructor(cellId: string, key: Buffer, deadlines: PeerDeadlines) {
    this.#cellId = cellId;
    this.#deadlines = deadlines;
    this.#agent = new Agent({
      ...clientTls(key),
      keepAlive: true,
      // Less than the servers' own idle time, so that none is used that is being closed.
      timeout: 20_000,
      maxSockets: CONNECTIONS_OF_A_PEER,
      maxCachedSessions: 0,
    });
  }

  async ask(peer: Peer, layer: PeerLayer, signal: AbortSignal): Promise<PeerAnswer> {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(this.#deadlines.answerMs)]);
    const response = await this.#post(peer, ASK_PATH, { v: 1, cellId: this.#cellId, layer }, deadline);
    if (response.statusCode !== 200) {
      response.destroy();
      throw new Error(`it answered ${response.statusCode}`);
    }
    const answer = await readMessage(response, answerSchema);
    if (answer.cellId !== peer.cellId) throw new Error(`at its address is the cell ${answer.cellId}`);
    return answer;
  }

  /**
   * Begins the archive of a layer from byte `from` of `size` on; `busy` and `none` are answers too. What it returns
   * throws when less or more comes, nothing for long, or too little; reading no further ends the connection, and so
   * does the signal.
   */
  async archive(
    peer: Peer,
    { layer, size, from }: { readonly layer: PeerLayer; readonly size: number; readonly from: number },
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array> | 'busy' | 'none'> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error('it did not answer')), this.#deadlines.answerMs);
    const alive = AbortSignal.any([signal, late.signal]);
    const response = await this.#post(peer, ARCHIVE_PATH, { v: 1, layer, from }, alive).finally(() =>
      clearTimeout(timer),
    );
    const length = response.headers['content-length'];
    if (response.statusCode === 200 && length === String(size - from)) return this.#pieces(response, size - from);
    response.destroy();
    if (response.statusCode === 503) return 'busy';
    if (response.statusCode === 404) return 'none';
    throw new Error(`it answered ${response.statusCode} with ${length} bytes and not 200 with ${size - from}`);
  }

  close(): void {
    this.#agent.destroy();
  }

  async *#pieces(response: IncomingMessage, length: number): AsyncGenerator<Uint8Array> {
    const { stallMs } = this.#deadlines;
    const watch = new SlowWatch(this.#deadlines);
    const pieces = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    let left = length;
    try {
      for (;;) {
        const stalled = new Error(`it sent nothing for ${stallMs / 1_000} s`);
        const timer = setTimeout(() => response.destroy(stalled), stallMs);
        const since = performance.now();
        const next = await pieces.next().finally(() => clearTimeout(timer));
        if (next.done === true) {
          if (left > 0) throw new Error('it ended too early');
          return;
        }
        left -= next.value.length;
        if (watch.arrived(next.value.length, performance.now() - since)) throw new Error('it is too slow');
        yield next.value;
      }
    } finally {
      response.destroy();
    }
  }

  async #post(peer: Peer, path: string, message: unknown, signal: AbortSignal): Promise<IncomingMessage> {
    const body = JSON.stringify(message);
    const asked = request({
      host: peer.address,
      port: peer.port,
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      agent: this.#agent,
      signal,
    });
    asked.end(body);
    // What fails once there is a response fails whoever reads that.
    asked.on('error', () => undefined);
    try {
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      return response;
    } catch (error) {
      throw signal.aborted && signal.reason instanceof Error ? signal.reason : error;
    }
  }
}
