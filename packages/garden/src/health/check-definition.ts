import type { CheckResult } from './check-result.ts';
import { httpCheck } from './http-check.ts';
import { tcpCheck } from './tcp-check.ts';

/** Cloud Foundry's figures (healthcheck, executor): between checks before and after the first success, and of one check. */
export const HEALTH_DEFAULTS: {
  readonly startupIntervalMs: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startTimeoutMs: number;
  readonly maxStartTimeoutMs: number;
} = {
  startupIntervalMs: 2_000,
  intervalMs: 30_000,
  timeoutMs: 1_000,
  startTimeoutMs: 60_000,
  maxStartTimeoutMs: 180_000,
};

/** One check of an app. */
export type CheckDefinition =
  | { readonly type: 'port'; readonly port: number; readonly timeoutMs: number }
  | { readonly type: 'http'; readonly port: number; readonly path: string; readonly timeoutMs: number };

/** Runs one check against a container's address. Never rejects. */
export async function runCheck(address: string, check: CheckDefinition, signal?: AbortSignal): Promise<CheckResult> {
  if (check.type === 'port') return await tcpCheck(address, check.port, check.timeoutMs, signal);
  const { port, path, timeoutMs } = check;
  return await httpCheck({ address, port, path, timeoutMs, ...(signal === undefined ? {} : { signal }) });
}

/** Runs all at once; the first that failed, in the order given, is the result: with several ports all must accept. */
export async function runChecks(
  address: string,
  checks: readonly CheckDefinition[],
  signal?: AbortSignal,
): Promise<CheckResult> {
  const results = await Promise.all(checks.map(async (check) => await runCheck(address, check, signal)));
  return results.find((result) => !result.ok) ?? { ok: true };
}
