import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { RouterRegister } from '@slipway/contracts';
import { onTestFinished } from 'vitest';
import type { AccessRecord } from '../../domain/access-record.ts';
import { readRegistration } from '../../domain/routes/registration.ts';
import { RouteTable } from '../../domain/routes/route-table.ts';
import type { UpstreamFailure } from '../../domain/upstream-failure.ts';
import { createDial } from './dial.ts';
import { ProxyServer } from './proxy-server.ts';
import type { ProxySettings } from './proxy-settings.ts';
import { UpstreamPool } from './upstream-pool.ts';

/** The default host of test routes. */
export const HOST = 'app.test';

const defaults: ProxySettings = {
  maxHeadBytes: 65_536,
  maxFields: 256,
  headTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  requestTimeoutMs: 60_000,
  dialTimeoutMs: 5_000,
  maxAttempts: 3,
  forwardedProto: 'keep',
  sticky: { cookieNames: new Set(['JSESSIONID']), secureCookies: false },
  balancer: { maxWaiting: 500, failureMarkMs: 30_000 },
};

export interface TestProxy {
  readonly port: number;
  readonly table: RouteTable;
  readonly upstreams: UpstreamPool;
  readonly server: ProxyServer;
  readonly records: AccessRecord[];
  readonly rejected: string[];
  readonly failures: UpstreamFailure[];
  readonly faults: unknown[];
  /** Exchanges begun. */
  readonly begun: () => number;
  /** Adds a route; `uris` defaults to the host of all tests. */
  register(port: number, more?: Partial<RouterRegister>): void;
  /** Resolves when the condition holds; it is looked at after each access record, failure and rejection. */
  until(condition: () => boolean): Promise<void>;
  /** From now on responses are the last on their connections. */
  drain(): void;
}

/** A proxy on a port of its own, which ends with the test. */
export async function startProxy(settings: Partial<ProxySettings> = {}, ca?: string): Promise<TestProxy> {
  const now = (): number => performance.now();
  const events = new EventEmitter();
  let draining = false;
  let begun = 0;
  const upstreams = new UpstreamPool({
    dial: createDial(createSecureContext(ca === undefined ? {} : { ca })),
    maxIdlePerBackend: 100,
    idleTimeoutMs: 60_000,
    now,
  });
  const table = new RouteTable({
    ttlMs: 120_000,
    emptyPoolMs: 0,
    defaultAlgorithm: 'round-robin',
    random: () => 0,
    onBackendGone: (backend) => upstreams.forget(backend),
  });
  const records: AccessRecord[] = [];
  const rejected: string[] = [];
  const failures: UpstreamFailure[] = [];
  const faults: unknown[] = [];
  const note = <T>(list: T[], item: T): void => {
    list.push(item);
    events.emit('changed');
  };
  const server = new ProxyServer({
    settings: { ...defaults, ...settings },
    routes: table,
    upstreams,
    now,
    wallClock: () => Date.now(),
    random: () => 0,
    newGuid: () => {
      begun++;
      return randomUUID();
    },
    isDraining: () => draining,
    onAccess: (record) => note(records, record),
    onEndpointFailure: (_pool, _endpoint, failure) => note(failures, failure),
    onFault: (error) => note(faults, error),
    onRejected: (_address, reason) => note(rejected, reason),
  });
  const port = await server.listen({ host: '127.0.0.1', port: 0, reusePort: false });
  onTestFinished(() => server.close(0));
  return {
    port,
    table,
    upstreams,
    server,
    records,
    rejected,
    failures,
    faults,
    begun: () => begun,
    register: (backendPort, more = {}) => {
      const registration = readRegistration({ host: '127.0.0.1', port: backendPort, uris: [HOST], ...more });
      if (typeof registration === 'string') throw new Error(registration);
      table.register(registration, now());
    },
    until: async (condition) => {
      while (!condition()) await once(events, 'changed');
    },
    drain: () => {
      draining = true;
    },
  };
}

/** A proxy with one route, to a node:http server. */
export async function startProxyTo(handler: RequestListener, settings?: Partial<ProxySettings>): Promise<TestProxy> {
  const proxy = await startProxy(settings);
  proxy.register((await startBackend(handler)).port);
  return proxy;
}

export interface TestBackend {
  readonly port: number;
  readonly server: Server;
}

/** A node:http server, which ends with the test. */
export async function startBackend(handler: RequestListener): Promise<TestBackend> {
  const server = createHttpServer({ keepAliveTimeout: 0 }, handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, server };
}

/** A server that speaks bytes. Sockets are destroyed with the test. */
export async function startRawBackend(onSocket: (socket: Socket, index: number) => void): Promise<{ port: number }> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
    onSocket(socket, sockets.length - 1);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port };
}

/** A raw backend that answers each complete head (bodies are not looked at) with these bytes. */
export function startCannedBackend(
  answer: string,
  then: (socket: Socket) => void = () => {},
): Promise<{ port: number }> {
  return startRawBackend((socket) => {
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (!text.includes('\r\n\r\n')) return;
      text = '';
      socket.write(answer, 'latin1', () => then(socket));
    });
  });
}

/** A port that refuses connections. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
