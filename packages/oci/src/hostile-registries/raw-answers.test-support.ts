import { honest, IMAGE } from './honest.test-support.ts';
import type { Handler, RawHandler } from './hostile-registry.test-support.ts';

const { mediaType, bytes } = IMAGE.manifest;

/** Says a piece now and then to whoever has asked. */
export const dribble =
  (start: string, piece: string): RawHandler =>
  (socket) => {
    socket.write(start);
    const timer = setInterval(() => socket.write(piece), 50);
    socket.on('close', () => clearInterval(timer));
  };

/** As fast as it is taken, for ever. */
export const flood =
  (start: string, piece: string): RawHandler =>
  (socket) => {
    socket.write(start);
    const more = (): void => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on('drain', more);
    more();
  };

/** The handler without a password, honesty with one. */
export function basicThat(handler: Handler): Handler {
  return (request, response) => (request.headers.authorization === undefined ? handler : honest)(request, response);
}

/** An honest registry by hand, for cases that differ in bytes: closes after each answer. */
export function answerTo(asked: string): Buffer {
  const path = asked.split(' ')[1] ?? '';
  const blob = IMAGE.blobs.find((each) => path.includes(each.digest));
  const body = blob?.bytes ?? bytes;
  const type = blob === undefined ? `content-type: ${mediaType}\r\n` : '';
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\n${type}content-length: ${body.length}\r\nconnection: close\r\n\r\n`),
    body,
  ]);
}

export function interim(text: string): RawHandler {
  return (socket, asked) => void socket.end(Buffer.concat([Buffer.from(text), answerTo(asked.toString('latin1'))]));
}

/** Hostile where the path has this in it, else honest. */
export function onlyFor(part: string, handler: RawHandler): RawHandler {
  return (socket, asked) => {
    const text = asked.toString('latin1');
    if (text.split('\r\n', 1)[0]?.includes(part)) handler(socket, asked);
    else socket.end(answerTo(text));
  };
}

/** The head of an answer with a manifest. */
export const head = (text: string): string => `HTTP/1.1 200 OK\r\ncontent-type: ${mediaType}\r\n${text}\r\n\r\n`;
