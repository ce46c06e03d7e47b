import { createSocket, type Socket as DatagramSocket, type RemoteInfo } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { EMPTY_ZONE, lookUp, type Zone } from '../../domain/names/zone.ts';
import type { Forwarder } from './forwarder.ts';
import { brokenReply, failureReply, ownReply, readQuery } from './reply.ts';

const LISTEN_BACKLOG = 128;
const MOST_CONNECTIONS = 1_024;
const CONNECTIONS_OF_ONE = 32;
/** A client that asks nothing is let go of (RFC 7766 leaves it to the server). */
const IDLE_MS = 10_000;

export interface NameServiceOptions {
  readonly address: string;
  readonly port: number;
  readonly forwarder: Forwarder;
}

/** Answers DNS at one address, over UDP and TCP: internal names by its zone, all others by whom the host asks. */
export class NameService {
  readonly #options: NameServiceOptions;
  // The next process listens before this one ends.
  readonly #datagrams: DatagramSocket = createSocket({ type: 'udp4', reusePort: true });
  readonly #server: Server = createServer((socket) => this.#serve(socket));
  readonly #connections = new Map<string, number>();
  #zone: Zone = EMPTY_ZONE;

  constructor(options: NameServiceOptions) {
    this.#options = options;
    this.#server.maxConnections = MOST_CONNECTIONS;
  }

  get port(): number {
    return this.#datagrams.address().port;
  }

  set zone(zone: Zone) {
    this.#zone = zone;
  }

  /** Rejects when the address is not there, or taken. */
  async listen(): Promise<void> {
    const { address, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#datagrams.once('error', reject);
      this.#datagrams.bind(port, address, () => {
        this.#datagrams.off('error', reject);
        // An answer that cannot be sent is asked for again.
        this.#datagrams.on('error', () => undefined);
        resolve();
      });
    });
    this.#datagrams.on('message', (message, from) => void this.#answer(message, from));
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      const options = { host: address, port: this.port, reusePort: true, backlog: LISTEN_BACKLOG };
      this.#server.listen(options, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    await Promise.all([
      new Promise<void>((resolve) => this.#datagrams.close(() => resolve())),
      new Promise<void>((resolve) => this.#server.close(() => resolve())),
    ]);
  }

  async #answer(message: Buffer, from: RemoteInfo): Promise<void> {
    const reply = await this.#replyTo(message, 'udp', from.address);
    if (reply !== undefined) this.#datagrams.send(reply, from.port, from.address, () => undefined);
  }

  /** Over TCP with the length before it. */
  async #replyTo(message: Buffer, over: 'udp' | 'tcp', client: string): Promise<Buffer | undefined> {
    const query = readQuery(message);
    const framed = (bytes: Buffer): Buffer => (over === 'tcp' ? withLength(bytes) : bytes);
    if (query.kind === 'unreadable') return query.reply === undefined ? undefined : framed(query.reply);
    try {
      const answer = lookUp(this.#zone, query.question.name, query.question.type);
      if (answer.kind !== 'elsewhere') return ownReply(query, answer, over);
      const forwarded = await this.#options.forwarder.ask(message, over, client);
      return framed(forwarded ?? failureReply(query));
    } catch {
      // A stranger's message that is read and cannot be answered must end nothing else.
      return framed(brokenReply(message));
    }
  }

  #serve(socket: Socket): void {
    const client = socket.remoteAddress ?? '';
    const count = (this.#connections.get(client) ?? 0) + 1;
    if (count > CONNECTIONS_OF_ONE) {
      socket.destroy();
      return;
    }
    this.#connections.set(client, count);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      const left = (this.#connections.get(client) ?? 1) - 1;
      if (left === 0) this.#connections.delete(client);
      else this.#connections.set(client, left);
    });
    void this.#converse(socket, client).catch(() => socket.destroy());
  }

  /** One query after the other; while one is answered, no more is read. */
  async #converse(socket: Socket, client: string): Promise<void> {
    let received = Buffer.alloc(0);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= received.readUInt16BE(0) + 2) {
        const length = received.readUInt16BE(0);
        const reply = await this.#replyTo(Buffer.from(received.subarray(2, length + 2)), 'tcp', client);
        received = received.subarray(length + 2);
        if (reply === undefined) {
          socket.destroy();
          return;
        }
        if (!socket.write(reply)) await new Promise((resolve) => socket.once('drain', resolve).once('close', resolve));
      }
    }
  }
}

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length, 0);
  return Buffer.concat([length, bytes]);
}
