import type { Socket } from 'node:net';

/** Up to here copying a body behind its head is cheaper than a gathered write of both. */
const COPY_BYTES = 16 * 1024;

/** Writes a head and body pieces in one go. False when the socket wants no more until it drains. */
export function writeMessage(socket: Socket, head: string, pieces: readonly Uint8Array[]): boolean {
  if (pieces.length === 0) return socket.write(head, 'latin1');
  let bodyBytes = 0;
  for (const piece of pieces) bodyBytes += piece.length;
  if (bodyBytes <= COPY_BYTES) {
    const message = Buffer.allocUnsafe(head.length + bodyBytes);
    let at = message.write(head, 'latin1');
    for (const piece of pieces) {
      message.set(piece, at);
      at += piece.length;
    }
    return socket.write(message);
  }
  socket.cork();
  socket.write(head, 'latin1');
  const more = writePieces(socket, pieces);
  socket.uncork();
  return more;
}

/** Writes body pieces in order. False when the socket wants no more until it drains. */
export function writePieces(socket: Socket, pieces: readonly Uint8Array[]): boolean {
  let more = !socket.writableNeedDrain;
  if (pieces.length > 1) socket.cork();
  for (const piece of pieces) more = socket.write(piece);
  if (pieces.length > 1) socket.uncork();
  return more;
}
