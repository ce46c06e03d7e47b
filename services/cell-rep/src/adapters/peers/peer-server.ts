import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { SharedLayer } from '@slipway/garden';
import type { Logger } from '@slipway/service-kit';
import { BytePace } from '../../domain/byte-pace.ts';
import type { PeerAnswer } from '../../domain/peer-turn.ts';
import {
  ARCHIVE_PATH,
  ASK_PATH,
  archiveRequestSchema,
  askSchema,
  MAX_MESSAGE_BYTES,
  type PeerLayer,
  readMessage,
} from './peer-protocol.ts';
import { serverTls } from './peer-tls.ts';

const HANDSHAKE_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 30_000;
const CONNECTIONS = 256;

export interface PeerServerOptions {
  readonly cellId: string;
  /** See peerKey. */
  readonly key: Buffer;
  readonly address: string;
  /** 0: any. */
  readonly port: number;
  /** Layers given at one time. */
  readonly streams: number;
  /** Of all streams together. */
  readonly bytesPerSecond: number;
  /** A receiver that takes nothing for so long is given up. */
  readonly stallMs?: number;
  readonly share: (layer: PeerLayer) => Pick<SharedLayer, 'size' | 'archive' | 'release'> | undefined;
  /** What this cell is doing about a layer that it does not have; hears who asked. */
  readonly coming: (layer: PeerLayer, cellId: string) => PeerAnswer;
  readonly onServed?: (bytes: number) => void;
  readonly logger: Logger;
}

/** Gives layers of this cell to other cells: whoever has the cells' common key, at a bounded rate. */
export class PeerServer {
  readonly #options: PeerServerOptions;
  readonly #server: Server;
  readonly #pace: BytePace;
  readonly #stallMs: number;
  readonly #stopping = new AbortController();
  readonly #work = new Set<Promise<void>>();
  #streams = 0;

  constructor(options: PeerServerOptions) {
    this.#options = options;
    this.#pace = new BytePace(options.bytesPerSecond);
    this.#stallMs = options.stallMs ?? 60_000;
    this.#server = createServer(
      {
        ...serverTls(options.key),
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
        headersTimeout: REQUEST_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: 1_000,
        keepAliveTimeout: IDLE_TIMEOUT_MS,
        maxHeaderSize: MAX_MESSAGE_BYTES,
      },
      (request, response) => {
        const work = this.#handle(request, response).finally(() => this.#work.delete(work));
        this.#work.add(work);
      },
    );
    this.#server.maxConnections = CONNECTIONS;
    // As when the process has no descriptor left for a connection. One of `listen` also ends `start`.
    this.#server.on('error', (error) => options.logger.error({ err: error }, 'peers.server-failed'));
    this.#server.on('tlsClientError', (error, socket) => {
      const from = socket.remoteAddress;
      options.logger.warn({ err: error, from }, 'peers.refused');
    });
  }

  /** Resolves with the port. */
  async start(): Promise<number> {
    const { address, port } = this.#options;
    const listening = once(this.#server, 'listening');
    this.#server.listen(port, address);
    await listening;
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
    await Promise.all(this.#work);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.strictContentLength = true;
    try {
      if (request.method === 'POST' && request.url === ASK_PATH) await this.#ask(request, response);
      else if (request.method === 'POST' && request.url === ARCHIVE_PATH) await this.#archive(request, response);
      else refuse(response, 404);
    } catch (error) {
      // Its reader is gone, as after every race that another cell won; or it asked for nonsense.
      this.#options.logger.debug({ err: error, url: request.url }, 'peers.request-failed');
      if (response.headersSent) response.destroy();
      else refuse(response, 400);
    }
  }

  async #ask(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { layer, cellId } = await readMessage(request, askSchema);
    const shared = this.#options.share(layer);
    const answer: PeerAnswer =
      shared === undefined
        ? this.#options.coming(layer, cellId)
        : { state: 'have', archiveBytes: shared.size, busy: this.#busy };
    shared?.release();
    const body = JSON.stringify({ v: 1, cellId: this.#options.cellId, ...answer });
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  }

  async #archive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { layer, from } = await readMessage(request, archiveRequestSchema);
    const shared = this.#options.share(layer);
    if (shared === undefined || from > shared.size) {
      shared?.release();
      refuse(response, 404);
      return;
    }
    if (this.#busy) {
      shared.release();
      refuse(response, 503);
      return;
    }
    this.#streams += 1;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    try {
      response.writeHead(200, { 'content-type': 'application/x-tar', 'content-length': shared.size - from });
      response.flushHeaders();
      await this.#send(response, shared.archive(from, gone.signal), gone.signal);
    } finally {
      this.#streams -= 1;
      shared.release();
    }
  }

  async #send(response: ServerResponse, archive: AsyncIterable<Uint8Array>, gone: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([gone, this.#stopping.signal]);
    for await (const piece of archive) {
      response.write(piece);
      this.#options.onServed?.(piece.length);
      const pause = this.#pace.delayAfter(piece.length, performance.now());
      if (pause >= 1) await delay(pause, undefined, { signal });
      // It may have drained during the pause.
      if (response.writableNeedDrain)
        await once(response, 'drain', { signal: AbortSignal.any([signal, AbortSignal.timeout(this.#stallMs)]) });
    }
    response.end();
  }

  get #busy(): boolean {
    return this.#streams >= this.#options.streams;
  }
}

function refuse(response: ServerResponse, status: number): void {
  // What is left of the request is not read.
  response.writeHead(status, { 'content-length': 0, connection: 'close' });
  response.end();
}
