import { createServer, type Server, type Socket } from 'node:net';
import { ClientConnection } from './client-connection.ts';
import type { ProxyContext } from './proxy-context.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Several routers may share the port; the kernel spreads connections over them. */
  readonly reusePort: boolean;
}

/** Deadlines are looked at so often, which is how late they may be seen. One timer for all costs less than one each. */
const SWEEP_INTERVAL_MS = 250;
/** How soon a dead client is noticed on a silent connection. */
const KEEP_ALIVE_PROBE_MS = 60_000;
/** Connections the kernel accepts for us while we are busy. */
const BACKLOG = 4096;

/** The listener, and every client connection. */
export class ProxyServer {
  readonly #context: ProxyContext;
  readonly #server: Server;
  readonly #connections = new Set<ClientConnection>();
  #sweepTimer: NodeJS.Timeout | undefined;
  #onConnectionClosed: () => void = () => {};

  constructor(context: ProxyContext) {
    this.#context = context;
    this.#server = createServer(
      { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS },
      (socket) => this.#accept(socket),
    );
    // E.g. no file descriptor for a new connection: those that are open go on.
    this.#server.on('error', (error) => context.onFault(error));
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Returns the port. */
  async listen({ host, port, reusePort }: ListenOptions): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, reusePort, backlog: BACKLOG }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS);
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /**
   * Takes no more connections, closes idle ones, and waits for requests under way, but no longer than `timeoutMs`. Tunnels
   * are not waited for: they have no end of their own. Idempotent.
   */
  async close(timeoutMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of [...this.#connections]) connection.closeWhenIdle();
    await this.#settled(timeoutMs);
    for (const connection of [...this.#connections]) connection.socket.destroy();
    await closed;
    clearInterval(this.#sweepTimer);
    this.#context.upstreams.close();
  }

  #accept(socket: Socket): void {
    const connection = new ClientConnection(socket, this.#context);
    this.#connections.add(connection);
    socket.once('close', () => {
      this.#connections.delete(connection);
      this.#onConnectionClosed();
    });
  }

  /** Resolves when nothing but tunnels is left, or the time is up. */
  #settled(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onConnectionClosed = () => {
        if ([...this.#connections].some((connection) => !connection.isTunnel)) return;
        clearTimeout(timer);
        resolve();
      };
      this.#onConnectionClosed();
    });
  }

  #sweep(): void {
    const now = this.#context.now();
    for (const connection of this.#connections) {
      if (now >= connection.deadline) connection.onDeadline();
    }
    this.#context.upstreams.sweep();
  }
}
