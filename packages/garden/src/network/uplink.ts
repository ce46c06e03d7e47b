import { readFileSync } from 'node:fs';

const DEFAULT_MTU = 1500;

/** The device of the default route, from /proc/net/route; undefined when the machine has none. */
export function defaultRouteDevice(table: string): string | undefined {
  for (const line of table.split('\n').slice(1)) {
    const [device, destination, , , , , , mask] = line.trim().split(/\s+/);
    if (device !== undefined && destination === '00000000' && mask === '00000000') return device;
  }
  return undefined;
}

/** The MTU of containers' links: the uplink's, so that no packet has to be cut on its way out. */
export function uplinkMtu(): number {
  const device = defaultRouteDevice(readFileSync('/proc/net/route', 'latin1'));
  if (device === undefined) return DEFAULT_MTU;
  const mtu = Number(readFileSync(`/sys/class/net/${device}/mtu`, 'latin1'));
  return Number.isInteger(mtu) && mtu >= 1280 && mtu <= 65_535 ? mtu : DEFAULT_MTU;
}
