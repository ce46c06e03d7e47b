import { BlockList, isIP, isIPv6 } from 'node:net';

/** How near to this machine an address is, from the outside in. `special` addresses are no hosts of anybody. */
export type AddressClass = 'public' | 'private' | 'loopback' | 'special';

const SPECIAL = [
  // "This" network, link-local (with the clouds' metadata services), multicast, reserved.
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  'fe80::/10',
  'ff00::/8',
  // Metadata services that clouds put elsewhere: AWS and Google Cloud on IPv6, Alibaba Cloud, Oracle Cloud, Azure.
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
  '100.100.100.200/32',
  '192.0.0.192/32',
  '168.63.129.16/32',
];
const LOOPBACK = ['127.0.0.0/8', '::1/128'];
// RFC 1918, RFC 6598 (carrier-grade NAT), RFC 4193, benchmarking and protocol assignments.
const PRIVATE = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
  '198.18.0.0/15',
  '192.0.0.0/24',
];

function blockList(subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address = '', prefix] = subnet.split('/');
    list.addSubnet(address, Number(prefix), isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return list;
}

const LISTS: readonly (readonly [AddressClass, BlockList])[] = [
  ['special', blockList(SPECIAL)],
  ['loopback', blockList(LOOPBACK)],
  ['private', blockList(PRIVATE)],
];

/**
 * Prefixes whose last 32 bits are an IPv4 address: what a translator reaches (NAT64, RFC 6052 and 8215), and the
 * deprecated "IPv4-compatible" addresses (RFC 4291, 2.5.5.1).
 */
const EMBEDDING = blockList(['64:ff9b::/96', '64:ff9b:1::/48', '::/96']);

/** The class of an IP address (not a name). IPv4 addresses inside IPv6 ones count as what they are. */
export function classifyAddress(address: string): AddressClass {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  // First, for ::1 and :: begin as IPv4-compatible ones do.
  const listed = LISTS.find(([, list]) => list.check(address, family))?.[0];
  if (listed === undefined && family === 'ipv6' && EMBEDDING.check(address, family)) {
    return classifyAddress(embeddedIpv4(address));
  }
  return listed ?? 'public';
}

/** The URL parser writes any IPv6 address in hex groups; the last two are the IPv4 address. */
function embeddedIpv4(address: string): string {
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const groups = canonical
    .split(':')
    .slice(-2)
    .map((group) => Number.parseInt(group || '0', 16));
  return groups.flatMap((group) => [group >> 8, group & 0xff]).join('.');
}

/** Whether this is a literal loopback address or `localhost`: what Docker, too, takes for the machine itself. */
export function isLoopbackHost(hostname: string): boolean {
  const host = hostname.toLowerCase();
  const bare = host.startsWith('[') ? host.slice(1, -1) : host;
  return bare === 'localhost' || (isIP(bare) !== 0 && classifyAddress(bare) === 'loopback');
}

const NEARNESS: Readonly<Record<AddressClass, number>> = { public: 0, private: 1, loopback: 2, special: 3 };

/**
 * Whether a host that a registry names (a token server, a redirect's target) may be at `address`: never at a special
 * one, and not nearer to this machine than the registry itself is. A public registry must not make Slipway ask inside.
 */
export function mayLeadTo(registryClass: AddressClass, address: AddressClass): boolean {
  return address !== 'special' && NEARNESS[address] <= NEARNESS[registryClass];
}
