import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { busAccess, type ServiceName } from '@slipway/contracts';
import { createLogger, Secret } from '@slipway/service-kit';
import type { NatsHandle } from '@slipway/testing';
import { expect, onTestFinished } from 'vitest';
import type { Bus } from './bus.ts';
import { connectService } from './connect-service.ts';

/** Polls for longer than vitest's second: reconnecting and making the buckets anew takes its time on a slow machine. */
export const eventually = <T>(read: () => T): ReturnType<typeof expect.poll<T>> =>
  expect.poll(read, { timeout: 20_000 });

/** Log lines that a bus wrote, by their event name. */
export interface LogCapture {
  readonly events: string[];
}

/** Connects as a service with its real permissions; closed at the end of the test. */
export async function connectTo(
  nats: NatsHandle,
  service: ServiceName,
  cellId?: string,
  capture?: LogCapture,
  url: string = nats.url,
): Promise<Bus> {
  const user = cellId === undefined ? service : `${service}-${cellId}`;
  const logger =
    capture === undefined
      ? createLogger(user, 'silent')
      : createLogger(user, 'info', {
          write: (line) => void capture.events.push((JSON.parse(line) as { msg: string }).msg),
        });
  const bus = await connectService(busAccess(service, cellId), {
    config: { NATS_URL: url, NATS_USER: user, NATS_PASSWORD: new Secret(nats.password(user)) },
    source: user,
    logger,
  });
  onTestFinished(() => bus.close());
  return bus;
}

/** Connects as the one who may do everything, and makes nothing. */
export async function operatorBus(nats: NatsHandle): Promise<Bus> {
  const bus = await nats.connectOperator();
  onTestFinished(() => bus.close());
  return bus;
}

export interface Wire {
  readonly url: string;
  /** Breaks the connections through it and refuses new ones, while NATS goes on. */
  cut(): void;
  mend(): void;
  /** Lets nothing through any more and says nothing of it, as a server that hangs. */
  stall(): void;
}

/** A TCP connection to NATS that a test can cut. */
export async function startWire(nats: NatsHandle): Promise<Wire> {
  const sockets = new Set<Socket>();
  let whole = true;
  const server = createServer((client) => {
    if (!whole) {
      client.destroy();
      return;
    }
    const upstream = connect(nats.port, '127.0.0.1');
    for (const [socket, peer] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.pipe(peer);
      socket.on('error', () => peer.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        peer.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    whole = false;
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    mend: () => {
      whole = true;
    },
    stall: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
  };
}

/** Publishes with headers of any bytes, which the client would refuse to send. */
export async function publishRaw(
  nats: NatsHandle,
  user: string,
  messages: readonly { readonly subject: string; readonly headers: string; readonly payload: string }[],
): Promise<void> {
  const socket = connect(nats.port, '127.0.0.1');
  const said: string[] = [];
  const login = { verbose: false, pedantic: false, headers: true, user, pass: nats.password(user) };
  socket.write(`CONNECT ${JSON.stringify(login)}\r\n`);
  for (const { subject, headers, payload } of messages) {
    const length = Buffer.byteLength(headers);
    socket.write(`HPUB ${subject} ${length} ${length + Buffer.byteLength(payload)}\r\n${headers}${payload}\r\n`);
  }
  socket.write('PING\r\n');
  // The answer to the ping comes when all before it was taken.
  for await (const bytes of socket) {
    said.push(String(bytes));
    if (said.join('').includes('PONG')) break;
  }
  expect(said.join('')).not.toContain('-ERR');
}
