import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { asGardenError, GardenError } from '../errors.ts';
import { startSharedThreads } from '../layers/confine.ts';
import type { OpenVolume } from './volumes.ts';

export interface AttachOrder {
  /** The container's mount namespace. */
  readonly namespaceFd: number;
  readonly volumes: readonly OpenVolume[];
}

export type AttachResult = { readonly outcome: 'attached' } | { readonly outcome: 'failed'; readonly reason: string };

const workerFile = new URL('./attach-worker.ts', import.meta.url);

/**
 * Mounts volumes in a container whose init waits to start the app. They are in its mount namespace alone and go with it:
 * the host has no mount to forget, and nothing of theirs is in reach of what removes a container's files.
 * @throws GardenError VOLUME_FAILED
 */
export async function attachVolumes(initPid: number, volumes: readonly OpenVolume[]): Promise<void> {
  if (volumes.length === 0) return;
  await startSharedThreads();
  const answers: AttachResult[] = [];
  try {
    const namespaceFd = openSync(`/proc/${initPid}/ns/mnt`, constants.O_RDONLY);
    try {
      const workerData: AttachOrder = { namespaceFd, volumes };
      const worker = new Worker(workerFile, { workerData, name: 'volumes', execArgv: [], trackUnmanagedFds: false });
      worker.once('message', (answer: AttachResult) => {
        answers.push(answer);
      });
      await once(worker, 'exit');
    } finally {
      closeSync(namespaceFd);
    }
  } catch (error) {
    throw asGardenError(error, 'VOLUME_FAILED', 'volumes', 'The volumes could not be mounted');
  }
  const [result = { outcome: 'failed', reason: 'the thread ended without a word' }] = answers;
  if (result.outcome === 'attached') return;
  throw new GardenError('VOLUME_FAILED', 'volumes', `The volumes could not be mounted: ${result.reason}`);
}
