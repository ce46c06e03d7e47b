import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { LayerSource } from '@slipway/garden';
import { createLogger } from '@slipway/service-kit';
import { type Peer, PeerClient, type PeerDeadlines } from './peer-client.ts';
import { PeerLayers } from './peer-layers.ts';
import type { PeerLayer } from './peer-protocol.ts';
import { PeerServer, type PeerServerOptions } from './peer-server.ts';
import { peerKey, serverTls } from './peer-tls.ts';

const SILENT = createLogger('test', 'silent');

export const KEY: Buffer = peerKey(randomBytes(32).toString('base64url'));
export const ARCHIVE: Buffer = randomBytes(3_000_000);
export const LAYER = {
  digest: `sha256:${'ab'.repeat(32)}`,
  diffId: `sha256:${'cd'.repeat(32)}`,
  size: 1_234,
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
};

/** Short where a test has to see them pass. */
export const DEADLINES: PeerDeadlines = { answerMs: 2_000, stallMs: 2_000, bytesPerStall: 100_000 };

/** What a test has started, in order; `end` undoes it. */
export class Started {
  readonly #undo: (() => Promise<void> | void)[] = [];

  add(undo: () => Promise<void> | void): void {
    this.#undo.push(undo);
  }

  async end(): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) await undo();
  }
}

/** The layers of a cell, as its store would share them; counts who has one now. */
export class TestShare {
  readonly archives = new Map<string, Buffer>();
  leased = 0;
  /** Waited for before each piece. */
  gate: Promise<unknown> = Promise.resolve();

  readonly share: PeerServerOptions['share'] = (layer) => {
    const archive = this.archives.get(keyOf(layer));
    if (archive === undefined) return undefined;
    let held = true;
    this.leased += 1;
    return {
      size: archive.length,
      archive: (from, signal) => this.#pieces(archive.subarray(from), signal),
      release: () => {
        if (held) this.leased -= 1;
        held = false;
      },
    };
  };

  async *#pieces(archive: Buffer, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < archive.length; at += 65_536) {
      await this.gate;
      await setImmediate();
      signal.throwIfAborted();
      yield archive.subarray(at, at + 65_536);
    }
  }
}

/** A cell, as far as others get layers from it. */
export interface TestPeer extends Peer {
  readonly layers: PeerLayers;
  readonly share: TestShare;
  readonly server: PeerServer;
}

/** A cell that serves, and knows the ones in `live`. */
export async function startPeer(
  started: Started,
  cellId: string,
  live: readonly Peer[],
  options: Partial<PeerServerOptions> & { readonly patienceMs?: number } = {},
): Promise<TestPeer> {
  const share = new TestShare();
  const layers = startClient(started, cellId, live, options.patienceMs);
  const server = new PeerServer({
    cellId,
    key: KEY,
    address: '127.0.0.1',
    port: 0,
    streams: 4,
    bytesPerSecond: 1_000_000_000,
    share: share.share,
    coming: (layer, asker) => layers.answer(layer, asker),
    logger: SILENT,
    ...options,
  });
  const port = await server.start();
  started.add(() => server.stop());
  return { cellId, address: '127.0.0.1', port, layers, share, server };
}

/** A cell that only asks. */
export function startClient(
  started: Started,
  cellId: string,
  live: readonly Peer[],
  patienceMs = 20_000,
  key: Buffer = KEY,
): PeerLayers {
  const client = new PeerClient(cellId, key, DEADLINES);
  started.add(() => client.close());
  const others = (): Peer[] => live.filter((peer) => peer.cellId !== cellId);
  return new PeerLayers({ cellId, client, live: others, patienceMs, logger: SILENT });
}

/** A cell that has the key and does as it likes with whoever asks for an archive. */
export async function startLiar(
  started: Started,
  cellId: string,
  lie: (response: ServerResponse, request: IncomingMessage) => void,
  answer: unknown = { v: 1, cellId, state: 'have', archiveBytes: ARCHIVE.length, busy: false },
  key: Buffer = KEY,
): Promise<Peer> {
  const server = createServer(serverTls(key), (request, response) => {
    request.resume();
    if (request.url === '/v1/ask') response.end(JSON.stringify(answer));
    else lie(response, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  started.add(async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });
  return { cellId, address: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

/** Nothing of a source that there is none of. */
export async function read(source: Pick<LayerSource, 'bytes'> | undefined): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source?.bytes ?? []) pieces.push(piece);
  return Buffer.concat(pieces);
}

export function keyOf({ digest, diffId, size }: PeerLayer): string {
  return `${digest} ${diffId} ${size}`;
}
