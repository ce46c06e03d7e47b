import { setTimeout as delay } from 'node:timers/promises';
import type { CfClient } from '@slipway/testing';
import { z } from 'zod';

const POLL_MS = 250;
/** What the platform says about an app while it is pushed; the app's own lines are not the demo's. */
const SOURCE_TYPES = new Set(['STG', 'CELL', 'HEALTH']);

const batchSchema = z.object({
  envelopes: z.object({
    batch: z.array(
      z.object({
        timestamp: z.string().regex(/^\d+$/),
        tags: z.record(z.string(), z.string()),
        log: z.object({ payload: z.base64() }),
      }),
    ),
  }),
});

/**
 * Tells the platform's log lines about an app as they come, through the log-cache read API, until `signal`. What cannot be
 * read is asked for again: the lines are a courtesy, and the push says itself what fails.
 */
export async function followLogs(
  cf: CfClient,
  appGuid: string,
  tell: (sourceType: string, line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  // Nanoseconds since 1970, above what a number holds exactly.
  let from = BigInt(Date.now()) * 1_000_000n;
  for (;;) {
    // Once more after the end, for the last lines.
    const last = signal.aborted;
    for (const { timestamp, sourceType, line } of await readSince(cf, appGuid, from)) {
      from = timestamp + 1n;
      if (SOURCE_TYPES.has(sourceType)) tell(sourceType, line);
    }
    if (last) return;
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

interface Line {
  readonly timestamp: bigint;
  readonly sourceType: string;
  readonly line: string;
}

async function readSince(cf: CfClient, appGuid: string, from: bigint): Promise<readonly Line[]> {
  const path = `/api/v1/read/${appGuid}?envelope_types=LOG&descending=false&limit=100&start_time=${from}`;
  try {
    const { status, body } = await cf.fetch('localhost', path, {
      headers: { authorization: `bearer ${await cf.token()}` },
    });
    if (status !== 200) return [];
    return batchSchema.parse(JSON.parse(body)).envelopes.batch.map(({ timestamp, tags, log }) => ({
      timestamp: BigInt(timestamp),
      sourceType: tags.source_type ?? '',
      line: Buffer.from(log.payload, 'base64').toString('utf8'),
    }));
  } catch {
    return [];
  }
}
