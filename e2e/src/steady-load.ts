import { setImmediate } from 'node:timers/promises';
import type { CfClient } from '@slipway/testing';

export interface LoadReport {
  readonly requests: number;
  /** Anything but a 200, in words. */
  readonly failures: readonly string[];
}

/** Asks an app again and again, one request after the other, until `stop`. */
export function startLoad(cf: CfClient, host: string): { stop(): Promise<LoadReport> } {
  let running = true;
  let requests = 0;
  const failures: string[] = [];
  const run = async (): Promise<LoadReport> => {
    while (running) {
      requests++;
      try {
        const answer = await cf.fetch(host, '/version.txt');
        if (answer.status !== 200)
          failures.push(`${answer.status} ${String(answer.headers['x-cf-routererror'] ?? '')}`);
      } catch (error) {
        failures.push(error instanceof Error && 'code' in error ? String(error.code) : String(error));
      }
      await setImmediate();
    }
    return { requests, failures };
  };
  const report = run();
  return {
    stop: () => {
      running = false;
      return report;
    },
  };
}
