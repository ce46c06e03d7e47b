import { parentPort, workerData } from 'node:worker_threads';
import { TarError } from '../tar/tar-error.ts';
import { TarReader } from '../tar/tar-reader.ts';
import { confineThread, startSharedThreads } from './confine.ts';
import { LayerPipeline } from './layer-pipeline.ts';
import { LayerWriter } from './layer-writer.ts';
import { release } from './release.ts';
import { SplitRecorder } from './split-recorder.ts';
import type { FromUnpacker, ThreadOrder, ToUnpacker } from './unpack-messages.ts';

// The thread that unpacks one layer and ends. Everything is loaded above, since nothing can be after confineThread.

const port = parentPort;
if (port === null) throw new Error('unpack-worker runs as a worker thread only');
const order = workerData as ThreadOrder;

const send = (message: FromUnpacker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

/** Handed to the starting thread piece by piece: this one has nothing open but the layer. */
const split = order.split ? new SplitRecorder((frame) => send({ type: 'split', frame }, [frame.buffer])) : undefined;

/** Undefined when the thread could not be confined: then nothing that could write is ever made. */
let pipeline: LayerPipeline | undefined;
/** Messages are dealt with one after the other; after a failure no more are. */
let previous: Promise<void> = Promise.resolve();

async function handle(layer: LayerPipeline, message: ToUnpacker): Promise<void> {
  if (message.type === 'bytes') {
    let taken = 0;
    for (const piece of message.pieces) {
      taken += piece.length;
      await layer.write(piece);
      release(piece.buffer);
    }
    send({ type: 'taken', bytes: taken });
    return;
  }
  const result = await layer.finish();
  send({ type: 'done', result, split: split?.finish() });
  port?.close();
}

function refuse(error: unknown): void {
  pipeline?.abandon();
  pipeline = undefined;
  const failure =
    error instanceof TarError ? error : new TarError('LAYER_STORE_FAILED', `The unpacker failed: ${error}`);
  send({ type: 'refused', code: failure.code, message: failure.message, details: failure.details });
  port?.close();
}

try {
  await startSharedThreads();
  confineThread(order);
  const writer = new LayerWriter(order.limits, order, split);
  const reader = new TarReader(writer, order.limits, (bytes) => split?.literal(bytes));
  pipeline = new LayerPipeline(order, reader, writer);
} catch (error) {
  refuse(error);
}

port.on('message', (message: ToUnpacker) => {
  previous = previous.then(async () => {
    if (pipeline === undefined) return;
    try {
      await handle(pipeline, message);
    } catch (error) {
      refuse(error);
    }
  });
});
