import { parentPort, workerData } from 'node:worker_threads';
import { TarError } from '../tar/tar-error.ts';
import { TarReader } from '../tar/tar-reader.ts';
import { confineThread } from './confine.ts';
import { LayerPipeline } from './layer-pipeline.ts';
import { LayerWriter } from './layer-writer.ts';
import type { FromUnpacker, ToUnpacker, UnpackOrder } from './unpack-messages.ts';

// The thread that unpacks one layer and ends. Everything is loaded above, since nothing can be after confineThread.

const port = parentPort;
if (port === null) throw new Error('unpack-worker runs as a worker thread only');
const order = workerData as UnpackOrder;

const send = (message: FromUnpacker): void => port.postMessage(message);

const writer = new LayerWriter(order.limits);
const pipeline = new LayerPipeline(order, new TarReader(writer, order.limits), writer);

async function handle(message: ToUnpacker): Promise<void> {
  if (message.type === 'bytes') {
    await pipeline.write(message.bytes);
    send({ type: 'taken', bytes: message.bytes.length });
    return;
  }
  send({ type: 'done', result: await pipeline.finish() });
  port?.close();
}

function refuse(error: unknown): void {
  pipeline.abandon();
  const failure =
    error instanceof TarError ? error : new TarError('LAYER_STORE_FAILED', `The unpacker failed: ${error}`);
  send({ type: 'refused', code: failure.code, message: failure.message, details: failure.details });
  port?.close();
}

/** Messages are dealt with one after the other; after a failure no more are. */
let previous: Promise<void> = Promise.resolve();
let failed = false;

try {
  confineThread(order.directory);
} catch (error) {
  failed = true;
  refuse(error);
}

port.on('message', (message: ToUnpacker) => {
  previous = previous.then(async () => {
    if (failed) return;
    try {
      await handle(message);
    } catch (error) {
      failed = true;
      refuse(error);
    }
  });
});
