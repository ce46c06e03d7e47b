import type { Socket } from 'node:net';
import { parseRequestHead } from '../../domain/http/request-head.ts';
import { type RouterAnswer, renderAnswer, routerAnswers } from '../../domain/router-answer.ts';
import type { ClientPort, ClientUser } from './client-port.ts';
import { Exchange } from './exchange.ts';
import { HeadReader } from './head-reader.ts';
import { httpDate } from './http-date.ts';
import type { ProxyContext } from './proxy-context.ts';
import { writeMessage, writePieces } from './write-message.ts';

/**
 * After the last response what the client still sends is read and thrown away for so long, or until it closes: closing with
 * bytes unread would make the kernel send a reset, which can destroy the response on its way.
 */
const LINGER_MS = 5_000;
/** When the router stops it has no more time than the response needs to arrive. */
const LINGER_WHILE_DRAINING_MS = 500;

/** A client's connection: reads request heads one after the other and gives each to an exchange. */
export class ClientConnection implements ClientPort {
  readonly socket: Socket;
  readonly ip: string;
  readonly address: string;
  deadline: number;
  readonly #context: ProxyContext;
  readonly #heads: HeadReader;
  #user: ClientUser | undefined;
  /** Came while the user could not take it; nothing more is read meanwhile. */
  #held: Buffer | undefined;
  #isPaused = false;
  #isReading = true;
  #isPumping = false;
  #isClosing = false;

  constructor(socket: Socket, context: ProxyContext) {
    this.socket = socket;
    this.#context = context;
    this.ip = plainIp(socket.remoteAddress ?? '');
    this.address = `${this.ip.includes(':') ? `[${this.ip}]` : this.ip}:${socket.remotePort ?? 0}`;
    this.#heads = new HeadReader(context.settings.maxHeadBytes);
    this.deadline = context.now() + context.settings.idleTimeoutMs;
    socket.on('data', (bytes: Buffer) => this.#onBytes(bytes));
    socket.on('drain', () => {
      this.#guard(() => {
        this.#user?.onClientDrain();
        this.#pump();
      });
    });
    socket.on('end', () => this.#guard(() => this.#onEnd()));
    // What went wrong does not matter: `close` follows, and the client is gone.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#isClosing = true;
      this.#held = undefined;
      this.#guard(() => {
        const user = this.#user;
        this.#user = undefined;
        user?.onClientGone();
      });
    });
  }

  get isTunnel(): boolean {
    return this.#user?.isTunnel === true;
  }

  /** The sweep found the deadline passed. */
  onDeadline(): void {
    if (this.#user !== undefined) this.#guard(() => this.#user?.onDeadline());
    else if (this.#heads.started && !this.#isClosing) this.#refuse(routerAnswers.headTimeout(), 'head-timeout');
    else this.socket.destroy();
  }

  /** The router stops: closes now, or after the request that is under way. */
  closeWhenIdle(): void {
    if (this.#user === undefined && (this.#isClosing || !this.#heads.started)) this.#close();
  }

  takeHeld(): Buffer | undefined {
    const held = this.#held;
    this.#held = undefined;
    this.#regulate();
    return held;
  }

  hold(bytes: Buffer): void {
    this.#held = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes]);
    this.#regulate();
  }

  pause(): void {
    this.#isPaused = true;
    this.#regulate();
  }

  resume(): void {
    this.#isPaused = false;
    this.#regulate();
  }

  send(head: string, pieces: readonly Uint8Array[]): boolean {
    return writeMessage(this.socket, head, pieces);
  }

  sendPieces(pieces: readonly Uint8Array[]): boolean {
    return writePieces(this.socket, pieces);
  }

  done(closes: boolean): void {
    this.#user = undefined;
    this.#isPaused = false;
    if (closes || this.#context.isDraining()) {
      this.#close();
      return;
    }
    this.deadline = this.#context.now() + this.#context.settings.idleTimeoutMs;
    this.#pump();
  }

  handOver(user: ClientUser): void {
    this.#user = user;
    this.#isPaused = false;
    const held = this.takeHeld();
    if (held !== undefined) user.onClientBytes(held);
  }

  abort(): void {
    this.#user = undefined;
    this.#isClosing = true;
    this.socket.resetAndDestroy();
  }

  #onBytes(bytes: Buffer): void {
    try {
      if (this.#user !== undefined) {
        this.#user.onClientBytes(bytes);
        return;
      }
      if (this.#isClosing) return;
      this.#held = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes]);
      this.#pump();
    } catch (error) {
      this.#onFault(error);
    }
  }

  /** A fault of ours ends one connection, not the process and with it everybody's. */
  #guard(event: () => void): void {
    try {
      event();
    } catch (error) {
      this.#onFault(error);
    }
  }

  #onFault(error: unknown): void {
    this.#isPumping = false;
    if (this.#user !== undefined) {
      this.#user.onFault(error);
      return;
    }
    this.#context.onFault(error);
    this.abort();
  }

  #onEnd(): void {
    if (this.#user !== undefined) this.#user.onClientEnd();
    else this.socket.destroySoon();
  }

  /**
   * Reads heads while there are bytes and no user. A loop, not a recursion: a client may send thousands of requests at once
   * that are all answered here. It waits while the client does not read its responses.
   */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#user === undefined && !this.#isClosing && this.#held !== undefined && !this.socket.writableNeedDrain) {
      const bytes = this.#held;
      this.#held = undefined;
      this.#readHead(bytes);
    }
    this.#isPumping = false;
    this.#regulate();
  }

  #readHead(bytes: Buffer): void {
    const { settings, now } = this.#context;
    const wasStarted = this.#heads.started;
    const reading = this.#heads.read(bytes);
    switch (reading.kind) {
      case 'more':
        if (!wasStarted) this.deadline = now() + settings.headTimeoutMs;
        return;
      case 'too-large':
        this.#refuse(routerAnswers.tooLarge(), 'too-large');
        return;
      case 'bare-lf':
        this.#refuse(routerAnswers.malformed('malformed-field'), 'bare-lf');
        return;
      case 'head': {
        const request = parseRequestHead(reading.text, settings.maxFields);
        if (typeof request === 'string') {
          this.#refuse(routerAnswers.malformed(request), request);
          return;
        }
        this.#held = reading.rest;
        const exchange = new Exchange(this.#context, this, request);
        this.#user = exchange;
        exchange.start();
      }
    }
  }

  #refuse(answer: RouterAnswer, reason: string): void {
    this.#context.onRejected(this.address, reason);
    const date = httpDate(this.#context.wallClock());
    this.send(renderAnswer(answer, { withBody: true, close: true, keepAlive: false, date }), []);
    this.#close();
  }

  #close(): void {
    this.#isClosing = true;
    this.#held = undefined;
    const lingerMs = this.#context.isDraining() ? LINGER_WHILE_DRAINING_MS : LINGER_MS;
    this.deadline = this.#context.now() + lingerMs;
    this.socket.end();
    this.#regulate();
  }

  /** Reads while nothing is held and nobody pauses. Pausing for each request would cost more than the request. */
  #regulate(): void {
    // Within the loop bytes are held and taken all the time; its end decides.
    if (this.#isPumping) return;
    const mayRead = this.#held === undefined && !this.#isPaused;
    if (mayRead === this.#isReading) return;
    this.#isReading = mayRead;
    if (mayRead) this.socket.resume();
    else this.socket.pause();
  }
}

/** An IPv4 client on a dual-stack socket is shown as IPv4; a link-local zone means nothing to others. */
function plainIp(address: string): string {
  const withoutZone = address.split('%', 1)[0] ?? '';
  return withoutZone.startsWith('::ffff:') && withoutZone.includes('.') ? withoutZone.slice(7) : withoutZone;
}
