import type { Bus } from '@slipway/bus';
import type { LayerStore } from '@slipway/garden';
import type { Logger } from '@slipway/service-kit';
import type { Config } from '../../config.ts';
import { PeerBook } from './peer-book.ts';
import { PeerClient } from './peer-client.ts';
import { PeerLayers } from './peer-layers.ts';
import { PeerServer } from './peer-server.ts';
import { peerKey } from './peer-tls.ts';

/** Layers given at one time: each takes a thread. */
const STREAMS = 4;

/** A cell answers within a second or is not waited for; one that sends less than 256 KiB/s is given up. */
const DEADLINES = { answerMs: 1_000, stallMs: 10_000, bytesPerStall: 2_621_440 } as const;

export interface CellPeersOptions {
  readonly cellId: string;
  /** Of all cells. */
  readonly privateKey: string;
  /** The cell's own, which other cells can reach. */
  readonly address: string;
  /** 0: any. */
  readonly port: number;
  /** What it gives to others, at most. */
  readonly megabytesPerSecond: number;
  readonly onBytes: (direction: 'in' | 'out', bytes: number) => void;
  readonly logger: Logger;
}

/** This cell among the others: it asks them for layers, and gives them its own. */
export class CellPeers {
  readonly layers: PeerLayers;
  readonly #options: CellPeersOptions;
  readonly #key: Buffer;
  readonly #client: PeerClient;
  readonly #book: PeerBook;
  #server: PeerServer | undefined;
  #port: number | undefined;

  constructor(options: CellPeersOptions) {
    const { cellId, privateKey, logger, onBytes } = options;
    this.#options = options;
    this.#key = peerKey(privateKey);
    this.#client = new PeerClient(cellId, this.#key, DEADLINES);
    this.#book = new PeerBook(cellId);
    this.layers = new PeerLayers({
      cellId,
      client: this.#client,
      live: () => this.#book.live(),
      onFetched: (bytes) => onBytes('in', bytes),
      logger,
    });
  }

  /** Where others get layers from this cell; undefined when they cannot. */
  get port(): number | undefined {
    return this.#port;
  }

  /** Begins to give layers. A cell whose address is not its own runs its apps all the same, and says what is wrong. */
  async listen(store: Pick<LayerStore, 'share'>): Promise<void> {
    const { cellId, address, port, megabytesPerSecond, onBytes, logger } = this.#options;
    const server = new PeerServer({
      cellId,
      key: this.#key,
      address,
      port,
      streams: STREAMS,
      bytesPerSecond: megabytesPerSecond * 1_000_000,
      share: (layer) => store.share(layer),
      coming: (layer, asker) => this.layers.answer(layer, asker),
      onServed: (bytes) => onBytes('out', bytes),
      logger,
    });
    try {
      this.#port = await server.start();
      this.#server = server;
      logger.info({ address, port: this.#port }, 'peers.listening');
    } catch (error) {
      logger.error({ err: error, address, port }, 'peers.not-listening');
    }
  }

  /** From here on it knows the others. */
  async attach(bus: Bus): Promise<void> {
    await this.#book.attach(bus);
  }

  async stop(): Promise<void> {
    this.#book.close();
    this.#client.close();
    await this.#server?.stop();
  }
}

/** Undefined when the cell shall neither ask others for layers nor give them any. */
export function cellPeers(
  { CELL_ID, CELL_ADDRESS, CELL_PRIVATE_KEY, CELL_PEER_PORT, CELL_PEER_MB_PER_SECOND }: Config,
  onBytes: (direction: 'in' | 'out', bytes: number) => void,
  logger: Logger,
): CellPeers | undefined {
  if (CELL_PEER_PORT === 'off') return undefined;
  return new CellPeers({
    cellId: CELL_ID,
    privateKey: CELL_PRIVATE_KEY.reveal(),
    address: CELL_ADDRESS,
    port: CELL_PEER_PORT,
    megabytesPerSecond: CELL_PEER_MB_PER_SECOND,
    onBytes,
    logger,
  });
}
