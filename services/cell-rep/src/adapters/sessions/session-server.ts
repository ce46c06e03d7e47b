import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { SESSION_KEY_IDENTITY } from '@slipway/contracts';
import type { Garden } from '@slipway/garden';
import { describeError, type Logger, sharedKeyServer } from '@slipway/service-kit';
import type { Config } from '../../config.ts';
import { SessionConnection } from './session-connection.ts';

const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Of all containers together, and of one. */
const CONNECTIONS = 1_024;
const CONNECTIONS_OF_A_CONTAINER = 64;

export interface SessionServerOptions {
  /** 32 bytes that ssh-proxy has, too. */
  readonly key: Buffer;
  readonly address: string;
  /** 0: any. */
  readonly port: number;
  readonly garden: Pick<Garden, 'container'>;
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly logger: Logger;
}

/** Undefined when there is no SSH on this platform. */
export function cellSessions(
  config: Pick<Config, 'CELL_SESSION_KEY' | 'CELL_SESSION_PORT' | 'CELL_ADDRESS'>,
  garden: Pick<Garden, 'container'>,
  logger: Logger,
): SessionServer | undefined {
  const { CELL_SESSION_KEY: key, CELL_SESSION_PORT: port, CELL_ADDRESS: address } = config;
  if (key === undefined) return undefined;
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  const resolve = (host: string): Promise<readonly string[]> => resolver.resolve4(host);
  return new SessionServer({ key: Buffer.from(key.reveal(), 'base64'), address, port, garden, resolve, logger });
}

/** Where ssh-proxy begins sessions in this cell's containers, and connections from within them. */
export class SessionServer {
  readonly #options: SessionServerOptions;
  readonly #server: Server;
  readonly #connections = new Set<SessionConnection>();
  #port: number | undefined;

  constructor(options: SessionServerOptions) {
    this.#options = options;
    const { key, logger } = options;
    const tls = sharedKeyServer({ identity: SESSION_KEY_IDENTITY, key });
    this.#server = createServer({ ...tls, handshakeTimeout: HANDSHAKE_TIMEOUT_MS, allowHalfOpen: true }, (socket) =>
      this.#accept(socket),
    );
    this.#server.maxConnections = CONNECTIONS;
    this.#server.on('error', (error) => logger.error({ err: error }, 'sessions.server-failed'));
    this.#server.on('tlsClientError', (error, socket) =>
      logger.warn({ err: error, from: socket.remoteAddress }, 'sessions.refused'),
    );
  }

  /** Undefined while it does not listen. */
  get port(): number | undefined {
    return this.#port;
  }

  /** How many sessions and forwarded connections there are. */
  get open(): number {
    return this.#connections.size;
  }

  /** A cell whose address is not its own runs its apps all the same, and says what is wrong. */
  async listen(): Promise<void> {
    const { address, port, logger } = this.#options;
    try {
      const listening = once(this.#server, 'listening');
      this.#server.listen(port, address);
      await listening;
      this.#port = (this.#server.address() as AddressInfo).port;
      logger.info({ address, port: this.#port }, 'sessions.listening');
    } catch (error) {
      logger.error({ err: error, address, port }, 'sessions.not-listening');
    }
  }

  /** Ends all sessions. */
  async stop(): Promise<void> {
    if (this.#port === undefined) return;
    this.#port = undefined;
    const closed = once(this.#server, 'close');
    this.#server.close();
    await Promise.all([...this.#connections].map((connection) => connection.close()));
    await closed;
  }

  #accept(socket: TLSSocket): void {
    const { garden, resolve, logger } = this.#options;
    const connection: SessionConnection = new SessionConnection(socket, {
      container: (guid) => garden.container(guid),
      isBusy: (guid) =>
        [...this.#connections].filter((each) => each.instanceGuid === guid).length > CONNECTIONS_OF_A_CONTAINER,
      resolve,
      onProblem: (error) => logger.warn({ err: describeError(error) }, 'sessions.connection-failed'),
    });
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
  }
}
