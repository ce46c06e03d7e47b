import { writeFileSync } from 'node:fs';
import { attribute, type NetlinkRequest, NetlinkSocket, text, uint32 } from '../sys/netlink.ts';
import { inNetworkNamespace } from '../sys/network-namespace.ts';
import { errnoCode } from '../sys/sys-error.ts';
import { addressBytes } from './subnet.ts';

const AF_INET = 2;
const RTM = { newLink: 16, delLink: 17, getLink: 18, newAddress: 20, newRoute: 24, newNeighbour: 28 } as const;
const NLM_F_EXCL = 0x200;
const NLM_F_REPLACE = 0x100;
const NLM_F_CREATE = 0x400;
const IFF_UP = 1;
const IFLA = { address: 1, name: 3, mtu: 4, linkInfo: 18, netNsPid: 19 } as const;
const IFLA_INFO = { kind: 1, data: 2 } as const;
const VETH_INFO_PEER = 1;
const IFA = { address: 1, local: 2 } as const;
const RTA = { destination: 1, outInterface: 4, gateway: 5, preferredSource: 7 } as const;
const NDA = { destination: 1, linkAddress: 2 } as const;
const RT_TABLE_MAIN = 254;
const RTPROT_STATIC = 4;
const RTN_UNICAST = 1;
const RT_SCOPE = { universe: 0, link: 253 } as const;
const RTNH_F_ONLINK = 4;
const NUD_PERMANENT = 0x80;
const LOOPBACK_INDEX = 1;

/** A container's connection to its cell. */
export interface VethSpec {
  /** The host's end; at most 15 characters. */
  readonly hostDevice: string;
  /** The container's address. */
  readonly address: string;
  readonly gateway: string;
  readonly mtu: number;
}

/** The container's end, as programs expect it. */
const CONTAINER_DEVICE = 'eth0';

/** Locally administered, and the same for one address at any time, so that neither side ever has to ask for the other's. */
function linkAddress(side: 'host' | 'container', address: string): Buffer {
  return Buffer.concat([Buffer.from(side === 'host' ? [0x06, 0x53] : [0x02, 0x53]), addressBytes(address)]);
}

function linkHeader(index: number, flags: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt32LE(flags, 8);
  bytes.writeUInt32LE(flags, 12);
  return bytes;
}

function createPair(spec: VethSpec, pid: number): NetlinkRequest {
  const peer = [
    linkHeader(0, 0),
    attribute(IFLA.name, text(CONTAINER_DEVICE)),
    attribute(IFLA.address, linkAddress('container', spec.address)),
    attribute(IFLA.mtu, uint32(spec.mtu)),
    attribute(IFLA.netNsPid, uint32(pid)),
  ];
  return {
    what: `create the link ${spec.hostDevice}`,
    type: RTM.newLink,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: [
      linkHeader(0, 0),
      attribute(IFLA.name, text(spec.hostDevice)),
      attribute(IFLA.address, linkAddress('host', spec.address)),
      attribute(IFLA.mtu, uint32(spec.mtu)),
      attribute(IFLA.linkInfo, [
        attribute(IFLA_INFO.kind, Buffer.from('veth')),
        attribute(IFLA_INFO.data, [attribute(VETH_INFO_PEER, peer)]),
      ]),
    ],
  };
}

function setUp(index: number): NetlinkRequest {
  return { what: `bring link ${index} up`, type: RTM.newLink, flags: 0, body: [linkHeader(index, IFF_UP)] };
}

function addAddress(index: number, address: string): NetlinkRequest {
  const bytes = Buffer.from([AF_INET, 32, 0, RT_SCOPE.universe, 0, 0, 0, 0]);
  bytes.writeUInt32LE(index, 4);
  return {
    what: `give link ${index} the address ${address}`,
    type: RTM.newAddress,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    body: [bytes, attribute(IFA.local, addressBytes(address)), attribute(IFA.address, addressBytes(address))],
  };
}

/** A route to one address, or with `gateway` the default one. */
function addRoute(
  index: number,
  to: { readonly address: string; readonly source: string } | { readonly gateway: string },
): NetlinkRequest {
  const direct = 'address' in to;
  const scope = direct ? RT_SCOPE.link : RT_SCOPE.universe;
  const bytes = Buffer.from([
    AF_INET,
    direct ? 32 : 0,
    0,
    0,
    RT_TABLE_MAIN,
    RTPROT_STATIC,
    scope,
    RTN_UNICAST,
    0,
    0,
    0,
    0,
  ]);
  if (!direct) bytes.writeUInt32LE(RTNH_F_ONLINK, 8);
  const where = direct
    ? [attribute(RTA.destination, addressBytes(to.address)), attribute(RTA.preferredSource, addressBytes(to.source))]
    : [attribute(RTA.gateway, addressBytes(to.gateway))];
  return {
    what: `route ${direct ? to.address : 'everything'} through link ${index}`,
    type: RTM.newRoute,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    body: [bytes, ...where, attribute(RTA.outInterface, uint32(index))],
  };
}

function addNeighbour(index: number, address: string, linkAddressBytes: Buffer): NetlinkRequest {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt8(AF_INET, 0);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt16LE(NUD_PERMANENT, 8);
  return {
    what: `make ${address} known on link ${index}`,
    type: RTM.newNeighbour,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    body: [bytes, attribute(NDA.destination, addressBytes(address)), attribute(NDA.linkAddress, linkAddressBytes)],
  };
}

function deleteLink(name: string): NetlinkRequest {
  return {
    what: `delete the link ${name}`,
    type: RTM.delLink,
    flags: 0,
    body: [linkHeader(0, 0), attribute(IFLA.name, text(name))],
    accept: ['ENODEV'],
  };
}

function indexOf(socket: NetlinkSocket, name: string): number {
  const reply = socket.get({
    what: `look for the link ${name}`,
    type: RTM.getLink,
    flags: 0,
    body: [linkHeader(0, 0), attribute(IFLA.name, text(name))],
  });
  return reply.readInt32LE(4);
}

/** No IPv6 on the host's end: containers have none, and a link-local address would be a way to the host's ports. */
function disableIpv6(device: string): void {
  try {
    writeFileSync(`/proc/sys/net/ipv6/conf/${device}/disable_ipv6`, '1');
  } catch (error) {
    if (errnoCode(error) !== 'ENOENT') throw error; // the machine has no IPv6 at all
  }
}

/**
 * Connects the network namespace of a process, in which nothing is set up yet, to the host: loopback, an eth0 with one
 * address and everything routed to the cell; on the host one end of the pair with a route to that address.
 */
export function connectContainer(spec: VethSpec, pid: number): void {
  const host = new NetlinkSocket();
  try {
    host.run([deleteLink(spec.hostDevice), createPair(spec, pid)]);
    disableIpv6(spec.hostDevice);
    const index = indexOf(host, spec.hostDevice);
    host.run([
      setUp(index),
      addAddress(index, spec.gateway),
      addNeighbour(index, spec.address, linkAddress('container', spec.address)),
      addRoute(index, { address: spec.address, source: spec.gateway }),
    ]);
  } finally {
    host.close();
  }
  const inside = inNetworkNamespace(`/proc/${pid}/ns/net`, () => new NetlinkSocket());
  try {
    const index = indexOf(inside, CONTAINER_DEVICE);
    inside.run([
      setUp(LOOPBACK_INDEX),
      setUp(index),
      addAddress(index, spec.address),
      addNeighbour(index, spec.gateway, linkAddress('host', spec.address)),
      addRoute(index, { gateway: spec.gateway }),
    ]);
  } finally {
    inside.close();
  }
}

/** Removes the host's end, and the container's with it; fine when there is none. */
export function disconnectContainer(hostDevice: string): void {
  const host = new NetlinkSocket();
  try {
    host.run([deleteLink(hostDevice)]);
  } finally {
    host.close();
  }
}
