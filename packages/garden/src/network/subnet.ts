import { GardenError } from '../errors.ts';

/** The addresses of a cell's containers, e.g. 10.254.0.0/22. */
export interface Subnet {
  readonly cidr: string;
  /** The cell's own address, which the containers know as their gateway: the first one. */
  readonly gateway: string;
  /** How many containers have an address. */
  readonly size: number;
  /** The address of container number `index`, from 0. */
  address(index: number): string;
}

function toText(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

/** The address as four bytes. */
export function addressBytes(address: string): Buffer {
  const parts = address.split('.');
  const valid = parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
  if (!valid) throw new GardenError('CELL_CONFIG_INVALID', 'open', `Not an IPv4 address: ${JSON.stringify(address)}`);
  return Buffer.from(parts.map(Number));
}

/** @throws GardenError CELL_CONFIG_INVALID */
export function parseSubnet(cidr: string): Subnet {
  const [address = '', length = ''] = cidr.split('/');
  const bits = /^\d{1,2}$/.test(length) ? Number(length) : -1;
  const base = addressBytes(address).readUInt32BE();
  if (bits < 8 || bits > 29 || base % 2 ** (32 - bits) !== 0) {
    throw new GardenError(
      'CELL_CONFIG_INVALID',
      'open',
      `Not a subnet of 8 to 29 bits with its own first address: ${JSON.stringify(cidr)}`,
    );
  }
  // Without the network's, the cell's and the broadcast address.
  const size = 2 ** (32 - bits) - 3;
  return {
    cidr,
    gateway: toText(base + 1),
    size,
    address: (index) => {
      if (!Number.isInteger(index) || index < 0 || index >= size) throw new RangeError(`No address number ${index}`);
      return toText(base + 2 + index);
    },
  };
}

/** Whether any address is in both. */
export function overlap(a: Subnet, b: Subnet): boolean {
  const [first, second] = [a, b].map(({ gateway, size }) => {
    const base = addressBytes(gateway).readUInt32BE() - 1;
    return { base, end: base + size + 3 };
  }) as [{ base: number; end: number }, { base: number; end: number }];
  return first.base < second.end && second.base < first.end;
}
