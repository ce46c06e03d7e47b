import { randomUUID } from 'node:crypto';
import { publishMessage, startWorkQueue } from '@slipway/bus';
import { type StagingResult, stagingRequest, stagingResult } from '@slipway/contracts';
import { seal } from '@slipway/service-kit';
import type { NatsHandle } from '@slipway/testing';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Stands where cloud-controller stands: many builds at once, and what comes of each. */
export interface StagingDriver {
  /** Resolves when the last result is there. */
  stage(images: readonly string[], credentials: Credentials | undefined): Promise<readonly StagingResult[]>;
  close(): Promise<void>;
}

const STAGING_TIMEOUT_MS = 900_000;

export async function startStagingDriver(nats: NatsHandle, stagerKey: string): Promise<StagingDriver> {
  const bus = await nats.connectOperator();
  const waiting = new Map<string, (result: StagingResult) => void>();
  const queue = await startWorkQueue(bus, {
    definition: { ...stagingResult, stream: 'STAGING_RESULTS' },
    durable: 'cloud-controller',
    concurrency: 8,
    handle: async ({ data }) => waiting.get(data.buildGuid)?.(data),
  });
  const stage = async (image: string, sealed: string | undefined): Promise<StagingResult> => {
    const buildGuid = randomUUID();
    const result = new Promise<StagingResult>((resolve) => waiting.set(buildGuid, resolve));
    const data = {
      buildGuid,
      appGuid: randomUUID(),
      packageGuid: randomUUID(),
      image,
      deadline: new Date(Date.now() + STAGING_TIMEOUT_MS).toISOString(),
      ...(sealed === undefined ? {} : { credentials: sealed }),
    };
    await publishMessage(bus, stagingRequest, data, { id: buildGuid });
    return result;
  };
  return {
    stage: (images, credentials) => {
      // Sealing takes a millisecond: one for all, for they are to come at once.
      const sealed = credentials === undefined ? undefined : seal(JSON.stringify(credentials), stagerKey);
      return Promise.all(images.map((image) => stage(image, sealed)));
    },
    close: async () => {
      await queue.stop();
      await bus.close();
    },
  };
}
