import { constants, openSync, readSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { errnoCode } from '../sys/sys-error.ts';

/**
 * Lets the init of a created container execute its program, as `runc start` does: the init waits in open(2) of the
 * container's exec FIFO and writes a byte there right before its exec; whoever has read that removes the FIFO, without which
 * the container counts as running. Rejects with the signal's reason.
 *
 * @returns false when there is no such FIFO: the runtime is another, and has to be asked
 */
export async function releaseInit(fifo: string, signal: AbortSignal): Promise<boolean> {
  let fd: number;
  try {
    // Not to wait for an init that is gone.
    fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return false;
    throw error;
  }
  const socket = new Socket({ fd, readable: true, writable: false });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => {
    // The news that it ended may come before the byte that it wrote long before.
    if (holdsByte(fd)) resolve();
    else reject(signal.reason);
  };
  socket.once('data', () => resolve());
  socket.once('error', reject);
  socket.once('end', () => reject(new Error('the init ended before its exec')));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
  unlinkSync(fifo);
  return true;
}

function holdsByte(fd: number): boolean {
  try {
    return readSync(fd, Buffer.alloc(1)) > 0;
  } catch (error) {
    if (errnoCode(error) === 'EAGAIN') return false;
    throw error;
  }
}
