import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A client that speaks bytes. */
export interface RawClient {
  readonly socket: Socket;
  /** All that came so far, in Latin-1. */
  readonly received: () => string;
  /** `reset` after a TCP reset, `end` after the server's last word; undefined while open. */
  readonly ending: () => 'end' | 'reset' | undefined;
  send(text: string): void;
  /** Resolves with all that came once it holds the text so many times. Throws when the connection ends before. */
  until(text: string, times?: number): Promise<string>;
  /** Resolves with all that came when the connection has ended. */
  ended(): Promise<string>;
}

export async function rawClient(port: number): Promise<RawClient> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  onTestFinished(() => {
    socket.destroy();
  });
  const events = new EventEmitter();
  let received = '';
  let ending: 'end' | 'reset' | undefined;
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1');
    events.emit('changed');
  });
  socket.on('end', () => {
    ending ??= 'end';
    events.emit('changed');
  });
  socket.on('error', () => {
    ending ??= 'reset';
  });
  socket.on('close', () => {
    ending ??= 'end';
    events.emit('changed');
  });
  await once(socket, 'connect');
  return {
    socket,
    received: () => received,
    ending: () => ending,
    send: (text) => {
      socket.write(text, 'latin1');
    },
    until: async (text, times = 1) => {
      while (received.split(text).length <= times) {
        if (ending !== undefined)
          throw new Error(`${ending} before ${times} × ${JSON.stringify(text)} in:\n${received}`);
        await once(events, 'changed');
      }
      return received;
    },
    ended: async () => {
      while (ending === undefined) await once(events, 'changed');
      return received;
    },
  };
}

/** Sends the bytes, and resolves with all that comes until the server closes. */
export async function rawExchange(port: number, text: string): Promise<string> {
  const client = await rawClient(port);
  client.send(text);
  return client.ended();
}
