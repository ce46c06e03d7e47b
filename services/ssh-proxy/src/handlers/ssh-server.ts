import type { Socket } from 'node:net';
import type { SessionRequest } from '@slipway/contracts';
import type { Logger } from '@slipway/service-kit';
import ssh2, { type AuthContext, type Connection, type ServerChannel } from 'ssh2';
import type { AccessCheck, GrantedInstance } from '../adapters/access.ts';
import { type CellSession, openSession, SessionRefused } from '../adapters/cell-link.ts';
import type { LoginLimit } from '../domain/login-limit.ts';
import { parseTarget } from '../domain/target.ts';
import { serveSession } from './ssh-session.ts';

const LOGIN_TIMEOUT_MS = 60_000;
const ATTEMPTS = 3;
const KEEPALIVE_INTERVAL_MS = 30_000;
const KEEPALIVE_MISSES = 4;
/** Of one connection, sessions and forwarded ports alike. */
const CHANNELS = 64;
/** Of one app, through this proxy. */
const CONNECTIONS_OF_AN_APP = 100;

export interface SshServerOptions {
  /** In OpenSSH's format. */
  readonly hostKey: string;
  readonly sessionKey: Buffer;
  readonly access: Pick<AccessCheck, 'decide'>;
  readonly limit: LoginLimit;
  readonly idleTimeoutMs: number;
  readonly now: () => number;
  readonly logger: Logger;
  /** `accepted`, `refused` or `failed`. */
  readonly onLogin: (result: 'accepted' | 'refused' | 'failed') => void;
}

/** What clients speak with: logs users in by their one-time codes, and connects them with their instances. */
export class SshServer {
  readonly #options: SshServerOptions;
  readonly #server: ssh2.Server;
  readonly #connections = new Map<Connection, string | undefined>();

  constructor(options: SshServerOptions) {
    this.#options = options;
    this.#server = new ssh2.Server(
      {
        hostKeys: [options.hostKey],
        ident: 'Slipway',
        keepaliveInterval: KEEPALIVE_INTERVAL_MS,
        keepaliveCountMax: KEEPALIVE_MISSES,
      },
      (connection, { ip }) => this.#serve(connection, ip),
    );
  }

  /** How many users are logged in, or are about to. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Takes over a connection that was just opened. */
  take(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    if (!this.#options.limit.allows(address, this.#options.now())) {
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    // Answers to keepalives are bytes as well, so this is the end of those whose host is gone.
    socket.setTimeout(KEEPALIVE_INTERVAL_MS * (KEEPALIVE_MISSES + 1), () => socket.destroy());
    this.#server.injectSocket(socket);
  }

  stop(): void {
    for (const connection of this.#connections.keys()) connection.end();
  }

  #serve(connection: Connection, ip: string): void {
    const { logger } = this.#options;
    this.#connections.set(connection, undefined);
    const late = setTimeout(() => connection.end(), LOGIN_TIMEOUT_MS);
    connection.on('close', () => {
      clearTimeout(late);
      this.#connections.delete(connection);
    });
    connection.on('error', (error: Error) => logger.debug({ err: error, ip }, 'ssh.connection-failed'));
    let attempts = 0;
    let instance: GrantedInstance | undefined;
    connection.on('authentication', (context) => {
      if (context.method !== 'password') return context.reject(['password']);
      attempts += 1;
      void this.#logIn(context, ip).then((granted) => {
        // Before it is accepted, for then it goes on at once.
        instance = granted;
        if (granted !== undefined) context.accept();
        else if (attempts >= ATTEMPTS) connection.end();
      });
    });
    connection.on('ready', () => {
      clearTimeout(late);
      if (instance === undefined) connection.end();
      else this.#welcome(connection, instance);
    });
  }

  async #logIn(context: AuthContext & { method: 'password' }, ip: string): Promise<GrantedInstance | undefined> {
    const { access, limit, now, logger, onLogin } = this.#options;
    const fail = (result: 'refused' | 'failed', reason: string): undefined => {
      onLogin(result);
      logger.info({ user: context.username, ip, reason }, 'ssh.refused');
      context.reject(['password']);
    };
    try {
      const target = parseTarget(context.username);
      if (target === undefined) {
        limit.failed(ip, now());
        return fail('refused', 'the user is not cf:<process guid>/<index>');
      }
      const decision = await access.decide(target, context.password);
      if (decision.outcome === 'refused') {
        limit.failed(ip, now());
        return fail('refused', decision.reason);
      }
      const { instance } = decision;
      if ([...this.#connections.values()].filter((app) => app === instance.appGuid).length >= CONNECTIONS_OF_AN_APP) {
        return fail('refused', 'there are too many connections with this app');
      }
      onLogin('accepted');
      logger.info({ user: context.username, ip, appGuid: instance.appGuid, cellId: instance.cellId }, 'ssh.accepted');
      return instance;
    } catch (error) {
      logger.error({ err: error, ip }, 'ssh.not-decided');
      return fail('failed', 'uaa or cloud-controller could not be asked');
    }
  }

  #welcome(connection: Connection, instance: GrantedInstance): void {
    this.#connections.set(connection, instance.appGuid);
    const { logger, sessionKey } = this.#options;
    const idle = new IdleTimer(this.#options.idleTimeoutMs, () => connection.end());
    connection.on('close', () => idle.stop());
    let channels = 0;
    const cells = new Set<CellSession>();
    // Channels that are not read to their end do not close by themselves.
    connection.on('close', () => {
      for (const cell of cells) cell.destroy();
    });
    const open = async (request: SessionRequest): Promise<CellSession> => {
      const cell = await openSession(instance, sessionKey, request);
      cells.add(cell);
      cell.once('close', () => cells.delete(cell));
      if (!this.#connections.has(connection)) cell.destroy();
      idle.watch(cell);
      return cell;
    };
    const { instanceGuid } = instance;
    const onProblem = (error: unknown): void => logger.warn({ err: error, instanceGuid }, 'ssh.session-failed');
    const count = (closes: { once(event: 'close', listener: () => void): unknown }): void => {
      channels += 1;
      closes.once('close', () => {
        channels -= 1;
      });
    };
    connection.on('session', (accept, reject) => {
      if (channels >= CHANNELS) return reject();
      const session = accept();
      count(session);
      serveSession(session, {
        exec: ({ argv, environment, terminal }) =>
          open({
            v: 1,
            type: 'exec',
            instanceGuid,
            argv: [...argv],
            environment: { ...environment },
            ...(terminal === undefined ? {} : { terminal }),
          }),
        onProblem,
      });
    });
    connection.on('tcpip', (accept, reject, info) => {
      if (channels >= CHANNELS) return reject();
      channels += 1;
      const { destIP: host, destPort: port } = info;
      forward(() => open({ v: 1, type: 'connect', instanceGuid, host, port }), accept)
        .catch((error: unknown) => {
          if (!(error instanceof SessionRefused)) onProblem(error);
          reject();
        })
        .finally(() => {
          channels -= 1;
        });
    });
    // Nothing listens here on behalf of clients.
    connection.on('request', (_accept, reject) => reject?.());
  }
}

/** Resolves when the forwarded connection has ended. */
async function forward(open: () => Promise<CellSession>, accept: () => ServerChannel): Promise<void> {
  const cell = await open();
  const channel = accept();
  channel.on('error', () => cell.destroy());
  channel.once('close', () => cell.destroy());
  channel.pipe(cell);
  cell.pipe(channel);
  await new Promise<void>((resolve) => cell.once('close', resolve));
}

/** Ends a connection through whose channels nothing goes for long: keepalives do not count. */
class IdleTimer {
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number, end: () => void) {
    this.#timer = setTimeout(end, ms);
  }

  watch(stream: NodeJS.ReadWriteStream): void {
    stream.on('data', () => this.#timer.refresh());
    stream.on('pipe', (source: NodeJS.ReadableStream) => source.on('data', () => this.#timer.refresh()));
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
