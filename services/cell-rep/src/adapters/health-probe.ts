import type { HealthCheck, ReadinessCheck } from '@slipway/contracts';
import { type CheckDefinition, runChecks } from '@slipway/garden';

/**
 * One check of all that a health or readiness check names: every port, or a GET on the first. Undefined when it passes, else
 * why not, in Diego's words. From the cell, at the container's address: the image needs no program for it.
 */
export async function probeHealth(
  check: HealthCheck | ReadinessCheck,
  { address, ports }: { readonly address: string; readonly ports: readonly number[] },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const result = await runChecks(address, checksOf(check, ports, timeoutMs), signal);
  return result.ok ? undefined : result.message;
}

function checksOf(check: HealthCheck | ReadinessCheck, ports: readonly number[], timeoutMs: number): CheckDefinition[] {
  switch (check.type) {
    case 'process':
      return [];
    case 'port':
      return ports.map((port) => ({ type: 'port', port, timeoutMs }));
    case 'http':
      return ports.slice(0, 1).map((port) => ({ type: 'http', port, path: check.endpoint, timeoutMs }));
  }
}
