import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, Socket } from 'node:net';
import {
  type App,
  Counter,
  createMetrics,
  Gauge,
  type HealthServer,
  type Logger,
  startHealthServer,
} from '@slipway/service-kit';
import { AccessCheck } from './adapters/access.ts';
import { openSshKey } from './adapters/host-key.ts';
import type { Config } from './config.ts';
import { LoginLimit } from './domain/login-limit.ts';
import type { SshServer } from './handlers/ssh-server.ts';

/** Users logged in and those about to. */
const CONNECTIONS = 1_024;

export interface SshProxyApp extends App {
  /** Known once started. */
  readonly port: number | undefined;
  readonly healthPort: number | undefined;
}

/** Puts ssh-proxy together. What speaks SSH is loaded for the first user: a platform without any pays nothing for it. */
export function createApp(
  config: Config,
  {
    logger,
    parent,
  }: {
    readonly logger: Logger;
    /** This process, where another hands it connections. */
    readonly parent?: Pick<NodeJS.Process, 'send' | 'on' | 'once' | 'kill' | 'pid'>;
  },
): SshProxyApp {
  const hostKey = openSshKey(config.HOST_KEY.reveal());
  const metrics = createMetrics('ssh-proxy');
  const logins = new Counter({
    name: 'slipway_ssh_logins_total',
    help: 'Log-ins by result',
    labelNames: ['result'],
    registers: [metrics],
  });
  let ssh: Promise<SshServer> | undefined;
  let open = 0;
  new Gauge({
    name: 'slipway_ssh_connections',
    help: 'Connections of users',
    registers: [metrics],
    collect() {
      this.set(open);
    },
  });
  const load = async (): Promise<SshServer> => {
    const { SshServer: Loaded } = await import('./handlers/ssh-server.ts');
    return new Loaded({
      hostKey,
      sessionKey: Buffer.from(config.SESSION_KEY.reveal(), 'base64'),
      access: new AccessCheck({
        uaaUrl: config.UAA_URL,
        clientSecret: config.UAA_CLIENT_SECRET.reveal(),
        cloudControllerUrl: config.CLOUD_CONTROLLER_URL,
      }),
      limit: new LoginLimit(),
      idleTimeoutMs: config.IDLE_TIMEOUT_MS,
      now: () => Date.now(),
      logger,
      onLogin: (result) => logins.inc({ result }),
    });
  };
  let handed = 0;
  let leaving: NodeJS.Timeout | undefined;
  const serve = (socket: Socket): void => {
    clearTimeout(leaving);
    handed += 1;
    open += 1;
    socket.once('close', () => {
      open -= 1;
      if (open === 0) leaveLater();
    });
    socket.on('error', () => socket.destroy());
    ssh ??= load();
    ssh.then(
      (loaded) => loaded.take(socket),
      (error: unknown) => {
        logger.error({ err: error }, 'ssh.not-loaded');
        socket.destroy();
      },
    );
  };
  const leaveLater = (): void => {
    clearTimeout(leaving);
    leaving = setTimeout(() => parent?.send?.({ type: 'idle', connections: handed }), config.LEAVE_AFTER_MS);
  };
  const server: Server = createServer(serve);
  server.maxConnections = CONNECTIONS;
  let health: HealthServer | undefined;
  let stopping: Promise<void> | undefined;

  const listen = async (port: number): Promise<void> => {
    const listening = once(server, 'listening');
    server.listen(port, config.LISTEN_HOST);
    await listening;
    server.on('error', (error) => logger.error({ err: error }, 'ssh.server-failed'));
    logger.info({ port }, 'ssh.listening');
  };
  const takeHanded = (): void => {
    if (parent?.send === undefined) throw new Error('LISTEN_PORT is "handed", and nobody is there who hands anything');
    parent.on('message', (_message: unknown, handle: unknown) => {
      if (!(handle instanceof Socket)) return;
      if (open >= CONNECTIONS) handle.destroy();
      else serve(handle);
    });
    // It is not needed, or whoever started it is gone.
    parent.once('disconnect', () => parent.kill(parent.pid, 'SIGTERM'));
    leaveLater();
  };
  const stop = async (): Promise<void> => {
    clearTimeout(leaving);
    const loaded = await ssh?.catch(() => undefined);
    if (server.listening) {
      const closed = once(server, 'close');
      server.close();
      loaded?.stop();
      await closed;
    } else loaded?.stop();
    await health?.close();
  };
  return {
    start: async () => {
      const { LISTEN_PORT: port } = config;
      const notReady = (): string | undefined =>
        server.listening || port === 'handed' ? undefined : 'SSH: not listening';
      health = await startHealthServer(config.HEALTH_PORT, { notReady, metrics });
      if (port === 'handed') takeHanded();
      else await listen(port);
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
    get port() {
      return (server.address() as AddressInfo | null)?.port;
    },
    get healthPort() {
      return health?.port;
    },
  };
}
