import type { ExecutionMetadata } from '@slipway/contracts';

/** Cloud Controller's `DEFAULT_HTTP_PORT`: where an image that EXPOSEs nothing is expected to listen. */
export const DEFAULT_PORT = 8080;

/** The EXPOSEd tcp ports of an image, ascending. */
export function exposedTcpPorts(execution: Pick<ExecutionMetadata, 'ports'>): number[] {
  const ports = execution.ports.filter(({ protocol }) => protocol === 'tcp').map(({ port }) => port);
  return [...new Set(ports)].sort((a, b) => a - b);
}

export interface PortsInput {
  /** Ports that route destinations name, in the order of their making. */
  readonly explicitPorts: readonly number[];
  /** Does a destination name no port? */
  readonly hasPortlessDestination: boolean;
  readonly exposedPorts: readonly number[];
  readonly processType: string;
  /** Does the health check connect to a port? */
  readonly checksPort: boolean;
}

/**
 * The container ports of a docker process; the first is PORT (`ProcessModel#open_ports`): what destinations name, then
 * what the image EXPOSEs, else 8080 where something expects a port.
 */
export function openPorts(input: PortsInput): number[] {
  const { explicitPorts, exposedPorts } = input;
  const usesExposed = input.hasPortlessDestination || explicitPorts.length === 0;
  const ports = [...explicitPorts, ...(usesExposed ? exposedPorts : [])];
  if (input.hasPortlessDestination && exposedPorts.length === 0) ports.push(DEFAULT_PORT);
  if (ports.length === 0 && (input.processType === 'web' || input.checksPort)) ports.push(DEFAULT_PORT);
  return [...new Set(ports)];
}

/** Where a destination without a port leads (`RouteMappingModel#presented_port`). */
export function defaultRoutePort(exposedPorts: readonly number[], ports: readonly number[]): number {
  return exposedPorts[0] ?? ports[0] ?? DEFAULT_PORT;
}

/** Do the ports of a running version serve these destinations, or does it need a new one? */
export function servesDestinations(
  running: { readonly ports: readonly number[]; readonly defaultRoutePort: number },
  destinations: readonly { readonly port: number | null }[],
): boolean {
  return destinations.every(({ port }) => running.ports.includes(port ?? running.defaultRoutePort));
}
