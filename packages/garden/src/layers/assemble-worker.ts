import { createHash } from 'node:crypto';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { assembleArchive } from './assemble-archive.ts';
import type { ArchiveOrder, FromAssembler, ToAssembler } from './assemble-layer.ts';

// The thread that makes one archive again and ends: file calls for each of a layer's files would hold up the process.

/** Apps come first. On Linux this is the calling thread's own. */
const NICE = 10;

const port = parentPort;
if (port === null) throw new Error('assemble-worker runs as a worker thread only');
const order = workerData as ArchiveOrder;
const send = (message: FromAssembler, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

setPriority(0, NICE);
const hash = createHash('sha256');
const pieces = assembleArchive(order, order.from);

port.on('message', (message: ToAssembler) => {
  try {
    if (message === 'stop') {
      // Closes what is open, which the end of a thread would not.
      pieces.return(undefined);
      port.close();
      return;
    }
    const { done, value } = pieces.next();
    if (done !== true) {
      if (order.from === 0) hash.update(value);
      send({ type: 'piece', bytes: value }, [value.buffer]);
      return;
    }
    const diffId = `sha256:${hash.digest('hex')}`;
    if (order.from === 0 && diffId !== order.diffId) throw new Error(`what the layer has is ${diffId}`);
    send({ type: 'end' });
  } catch (error) {
    send({ type: 'failed', reason: error instanceof Error ? error.message : String(error) });
  }
  port.close();
});
