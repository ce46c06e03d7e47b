import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { GardenError, throwIfCancelled } from '../errors.ts';
import type { ArchiveParts } from './assemble-archive.ts';

/** Pieces asked for ahead of the one that is waited for. */
const PIECES_AHEAD = 4;

export interface ArchiveOrder extends ArchiveParts {
  /** `sha256:…` of the whole archive; verified when it is made from its first byte on. */
  readonly diffId: string;
  /** The first byte to give. */
  readonly from: number;
}

/** `more` asks for one more piece. */
export type ToAssembler = 'more' | 'stop';

export type FromAssembler =
  | { readonly type: 'piece'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'end' }
  | { readonly type: 'failed'; readonly reason: string };

const workerFile = new URL('./assemble-worker.ts', import.meta.url);

/**
 * Makes a layer's archive again, in a thread of its own that is no faster than the reader.
 * @throws GardenError LAYER_ARCHIVE_FAILED when the layer on disk is not what it was, CANCELLED
 */
export async function* assembleLayer(order: ArchiveOrder, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  throwIfCancelled(signal, 'layers');
  const worker = new Worker(workerFile, {
    workerData: order,
    name: 'assembler',
    execArgv: [],
    // Node does not know of the descriptors that openat2 gives; the thread closes all of its own.
    trackUnmanagedFds: false,
  });
  const ask = (message: ToAssembler): void => worker.postMessage(message);
  const ended = once(worker, 'exit');
  try {
    const arrived = receive(worker, order.diffId, signal);
    for (let i = 0; i < PIECES_AHEAD; i += 1) ask('more');
    for (;;) {
      const piece = await arrived.next();
      if (piece === undefined) return;
      ask('more');
      yield piece;
    }
  } finally {
    ask('stop');
    await ended;
  }
}

/** What the thread sends, in order; undefined at its end. */
function receive(
  worker: Worker,
  diffId: string,
  signal: AbortSignal,
): { readonly next: () => Promise<Uint8Array | undefined> } {
  const pieces: Uint8Array[] = [];
  let over = false;
  let failure: GardenError | undefined;
  let wake = (): void => undefined;
  const fail = (code: 'LAYER_ARCHIVE_FAILED' | 'CANCELLED', message: string, cause?: unknown): void => {
    failure ??= new GardenError(code, 'layers', message, { cause });
    wake();
  };
  const broken = (reason: string, cause?: unknown): void =>
    fail('LAYER_ARCHIVE_FAILED', `The archive of the layer ${diffId} cannot be made again: ${reason}`, cause);
  worker.on('message', (message: FromAssembler) => {
    if (message.type === 'piece') pieces.push(message.bytes);
    else if (message.type === 'end') over = true;
    else broken(message.reason);
    wake();
  });
  worker.on('error', (error) => broken(`its thread failed: ${error}`, error));
  worker.on('exit', () => {
    if (!over) broken('its thread ended early');
  });
  const cancel = (): void => fail('CANCELLED', 'Cancelled', signal.reason);
  signal.addEventListener('abort', cancel, { once: true });
  worker.once('exit', () => signal.removeEventListener('abort', cancel));
  return {
    next: async () => {
      for (;;) {
        if (failure !== undefined) throw failure;
        const piece = pieces.shift();
        if (piece !== undefined) return piece;
        if (over) return undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
