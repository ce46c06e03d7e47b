import { Worker } from 'node:worker_threads';
import { asGardenError, GardenError, throwIfCancelled } from '../errors.ts';
import { identifyDirectory } from './confine.ts';
import { SplitFile, type StoredSplit } from './split-file.ts';
import type { SplitOutcome } from './split-format.ts';
import type { FromUnpacker, ThreadOrder, ToUnpacker, UnpackOrder, UnpackResult } from './unpack-messages.ts';

/** Bytes on their way to the thread and not yet dealt with. Bounds the memory of a layer being unpacked. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** Pieces go to the thread together, so many bytes at least: each message costs both sides as much as some files do. */
const BATCH_BYTES = 256 * 1024;
/** Nor do they wait longer than this for others. */
const BATCH_MS = 10;

/** The thread's JavaScript heap: it holds one extended header and the names of directories, both limited. */
const HEAP_MB = 256;

const workerFile = new URL('./unpack-worker.ts', import.meta.url);

export interface UnpackOptions {
  readonly signal: AbortSignal;
  /** So many more bytes have come. */
  readonly onBytes: (bytes: number) => void;
  /** Where the layer's split is written to, for its archive to be made again; none when absent. */
  readonly splitFile?: string;
  /** Nobody else uses the pieces: their memory goes to the thread as it is. */
  readonly owned?: boolean;
}

export interface UnpackedLayer extends UnpackResult {
  /** Absent when none was asked for. */
  readonly split?: StoredSplit;
}

/**
 * Downloads a layer and unpacks it into `order.directory` in a thread confined to that directory. On success the
 * bytes had the digest, size and diffID ordered; on failure the directory holds rubbish, for the caller to remove.
 * @throws GardenError LAYER_*, CANCELLED
 */
export async function unpackLayer(
  order: UnpackOrder,
  source: AsyncIterable<Uint8Array>,
  options: UnpackOptions,
): Promise<UnpackedLayer> {
  throwIfCancelled(options.signal, 'layers');
  const split = options.splitFile === undefined ? undefined : new SplitFile(options.splitFile);
  const thread = new UnpackThread(order, split, options.owned === true);
  const cancel = (): void =>
    thread.fail(new GardenError('CANCELLED', 'layers', 'Cancelled', { cause: options.signal.reason }));
  options.signal.addEventListener('abort', cancel, { once: true });
  try {
    await feed(thread, source, order.digest, options.onBytes);
    const { result, split: outcome } = await thread.outcome;
    return split === undefined || outcome === undefined ? result : { ...result, split: await split.finish(outcome) };
  } catch (error) {
    await split?.abandon();
    throw error;
  } finally {
    options.signal.removeEventListener('abort', cancel);
    await thread.stop();
  }
}

async function feed(
  thread: UnpackThread,
  source: AsyncIterable<Uint8Array>,
  digest: string,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      // A thread that refused the layer ends the download, also one that hangs.
      const next = await thread.unlessFailed(iterator.next());
      if (next.done === true) break;
      onBytes(next.value.length);
      await thread.unlessFailed(thread.send(next.value));
    }
    thread.sendEnd();
  } catch (error) {
    // Tells the source to close its connection; that it may fail at this too is of no interest.
    iterator.return?.().catch(() => undefined);
    throw asGardenError(error, 'LAYER_FETCH_FAILED', 'layers', `Downloading the layer ${digest} failed`);
  }
}

interface Outcome {
  readonly result: UnpackResult;
  readonly split: SplitOutcome | undefined;
}

/** One unpacker thread, with a window of bytes under way. */
class UnpackThread {
  readonly outcome: Promise<Outcome>;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #owned: boolean;
  #batch: Uint8Array<ArrayBuffer>[] = [];
  #batchBytes = 0;
  #batchTimer: NodeJS.Timeout | undefined;
  #room = WINDOW_BYTES;
  #onRoom: (() => void) | undefined;
  #reject: (error: GardenError) => void = () => undefined;
  #failed: Error | undefined;
  #onFailure: ((error: Error) => void) | undefined;

  constructor(order: UnpackOrder, split: SplitFile | undefined, owned: boolean) {
    this.#owned = owned;
    this.#worker = new Worker(workerFile, {
      workerData: {
        ...order,
        layerRoot: identifyDirectory(order.directory),
        hostRoot: identifyDirectory('/'),
        split: split !== undefined,
      } satisfies ThreadOrder,
      name: 'unpacker',
      // Not this process's own flags, some of which no worker takes.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.outcome = new Promise((resolve, reject) => {
      this.#reject = reject;
      this.#worker.on('message', (message: FromUnpacker) => {
        if (message.type === 'done') resolve(message);
        else if (message.type === 'split') split?.append(message.frame);
        else if (message.type === 'taken') this.#gain(message.bytes);
        else reject(new GardenError(message.code, 'layers', message.message, { details: message.details }));
      });
      this.#worker.on('error', (error) =>
        reject(
          new GardenError('LAYER_STORE_FAILED', 'layers', `The unpacker thread failed: ${error}`, { cause: error }),
        ),
      );
      this.#worker.on('exit', (code) =>
        reject(new GardenError('LAYER_STORE_FAILED', 'layers', `The unpacker thread ended early with ${code}`)),
      );
    });
    // It is also awaited where it matters; a refusal while nobody waits is not unhandled.
    this.outcome.catch((error: Error) => {
      this.#failed = error;
      this.#onFailure?.(error);
    });
  }

  /**
   * What `step` comes to, or the thread's failure if that is first; one step at a time. (`Promise.race` with a promise of
   * the failure would keep something of every step until the end.)
   */
  async unlessFailed<T>(step: Promise<T>): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      if (this.#failed !== undefined) reject(this.#failed);
      this.#onFailure = reject;
      step.then(resolve, reject);
    });
  }

  /** Resolves when there is room for more. */
  async send(bytes: Uint8Array): Promise<void> {
    this.#room -= bytes.length;
    this.#batch.push(this.#owned ? ownPiece(bytes) : new Uint8Array(bytes));
    this.#batchBytes += bytes.length;
    if (this.#batchBytes >= BATCH_BYTES) this.#sendBatch();
    else this.#batchTimer ??= setTimeout(() => this.#sendBatch(), BATCH_MS);
    if (this.#room > 0) return;
    await new Promise<void>((resolve) => {
      this.#onRoom = resolve;
    });
  }

  sendEnd(): void {
    this.#sendBatch();
    this.#post({ type: 'end' }, []);
  }

  fail(error: GardenError): void {
    this.#reject(error);
  }

  /** Ends the thread; resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    clearTimeout(this.#batchTimer);
    await this.#worker.terminate();
    await this.#exited;
  }

  #sendBatch(): void {
    clearTimeout(this.#batchTimer);
    this.#batchTimer = undefined;
    const pieces = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    this.#post(
      { type: 'bytes', pieces },
      pieces.map(({ buffer }) => buffer),
    );
  }

  #post(message: ToUnpacker, transfer: ArrayBuffer[]): void {
    this.#worker.postMessage(message, transfer);
  }

  #gain(bytes: number): void {
    this.#room += bytes;
    if (this.#room <= 0) return;
    this.#onRoom?.();
    this.#onRoom = undefined;
  }
}

/** The piece itself when it has its memory to itself, else a copy: the rest of a larger buffer must not change hands. */
function ownPiece(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  if (!(buffer instanceof ArrayBuffer) || byteOffset !== 0 || byteLength !== buffer.byteLength)
    return new Uint8Array(bytes);
  return new Uint8Array(buffer);
}
