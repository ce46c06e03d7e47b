import { z } from 'zod';

/** A CF guid: lower-case RFC 4122 text form. */
export const guidSchema = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'expected a guid');

/** Diego's process guid: `<CF process guid>-<process version guid>` (Cloud Controller `process_guid.rb`). */
export const processGuidSchema = z
  .string()
  .regex(/^[0-9a-f-]{36}-[0-9a-f-]{36}$/, 'expected <process guid>-<version guid>');

/** A cell id names a NATS subject token and a cgroup, hence the narrow alphabet. */
export const cellIdSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,30}$/, 'expected 1-31 of a-z, 0-9 and "-"');

/** The IPv4 addresses of a cell's containers: a subnet of 8 to 29 bits, by its own first address. */
export const cellSubnetSchema = z
  .cidrv4('expected a subnet, e.g. 10.254.0.0/22')
  .refine(isCellSubnet, 'expected a subnet of 8 to 29 bits by its first address, e.g. 10.254.0.0/22');

function isCellSubnet(cidr: string): boolean {
  const [address = '', bits = ''] = cidr.split('/');
  const first = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return Number(bits) >= 8 && Number(bits) <= 29 && first % 2 ** (32 - Number(bits)) === 0;
}

/** An OCI digest. Only sha256 is accepted, and it is checked before it ever names a path. */
export const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256:<64 hex digits>');

/** RFC 3339 UTC time with milliseconds. */
export const timeSchema = z.iso.datetime();

/** Nanoseconds since the epoch as decimal text, for it does not fit a double. */
export const nanosecondsSchema = z.string().regex(/^-?\d{1,19}$/, 'expected nanoseconds as decimal text');

/** Bytes sealed to one service's public key (base64url, see service-kit `seal`). */
export const sealedSchema = z.string().regex(/^[A-Za-z0-9_-]+$/, 'expected base64url');

export const portSchema = z.int().min(1).max(65_535);
