import type { DesiredLrp } from '@slipway/contracts';
import { type CheckDefinition, runChecks } from '@slipway/garden';

/**
 * One check of all that the LRP's health check names: every port, or a GET on the first. Undefined when healthy, else
 * why not, in Diego's words. From the cell, at the container's address: the image needs no program for it.
 */
export async function probeHealth(
  lrp: DesiredLrp,
  address: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const result = await runChecks(address, checksOf(lrp, timeoutMs), signal);
  return result.ok ? undefined : result.message;
}

function checksOf({ healthCheck, ports }: DesiredLrp, timeoutMs: number): CheckDefinition[] {
  switch (healthCheck.type) {
    case 'process':
      return [];
    case 'port':
      return ports.map((port) => ({ type: 'port', port, timeoutMs }));
    case 'http':
      return ports.slice(0, 1).map((port) => ({ type: 'http', port, path: healthCheck.endpoint, timeoutMs }));
  }
}
