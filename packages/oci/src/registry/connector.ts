import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { callbackify } from 'node:util';
import { buildConnector, errors } from 'undici';
import { type AddressClass, classifyAddress } from './address-class.ts';
import type { ConnectionPolicy } from './connection-policy.ts';
import type { TlsFaults } from './tls-faults.ts';

/** A name or literal leads to an address that the policy excludes. The socket was never opened. */
export class AddressRefusedError extends Error {
  constructor(hostname: string, address: string, what: string) {
    super(
      hostname === address
        ? `${address} must not be asked${what}`
        : `${hostname} leads to ${address}, which must not be asked${what}`,
    );
    this.name = 'AddressRefusedError';
  }
}

/** All addresses of a host name, in the order in which they are to be tried. */
export type LookupAddresses = (hostname: string) => Promise<readonly string[]>;

/** The system's resolver, /etc/hosts included. */
export async function systemLookup(hostname: string): Promise<readonly string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}

export interface ConnectorOptions {
  /** For name resolution, and for TCP and TLS after it. */
  readonly connectMs: number;
  readonly lookup: LookupAddresses;
  readonly allows: (address: AddressClass) => boolean;
  readonly policy: ConnectionPolicy;
  /** Whether it connects to registries themselves, and not to hosts that they name. */
  readonly own: boolean;
  /** Told about each established connection (after TLS), with the origin it is for. */
  readonly onConnect?: (origin: string, address: AddressClass) => void;
  readonly faults: TlsFaults;
}

/**
 * An undici connector that looks at each address between name resolution and connect, so that the address checked is
 * the address used: a name that changes its mind in between (DNS rebinding) gains nothing. What depends on the address
 * (plain http, unverified TLS) is decided there too, for those addresses alone.
 */
export function createConnector(options: ConnectorOptions): buildConnector.connector {
  const { connectMs, allows, policy, own, onConnect } = options;
  const prepare = async ({ hostname, protocol, port }: buildConnector.Options): Promise<buildConnector.connector> => {
    const addresses = isIP(hostname) === 0 ? await timely(options.lookup(hostname), connectMs, hostname) : [hostname];
    const refused = addresses.find((address) => !allows(classifyAddress(address)));
    if (refused !== undefined || addresses.length === 0) {
      throw new AddressRefusedError(hostname, refused ?? 'nowhere', '');
    }
    const wanted = { protocol, hostname, port, addresses, own };
    if (protocol === 'http:' && !policy.allowsPlain(wanted)) {
      throw new AddressRefusedError(hostname, addresses.join(', '), ' over plain http');
    }
    return buildConnector({
      timeout: connectMs,
      allowH2: false,
      lookup: pinned(addresses),
      ...(protocol === 'https:' ? policy.tls(wanted) : {}),
      // undici's types have neither lookup nor secureContext; both go on to net and tls as they are.
    } as buildConnector.BuildOptions);
  };
  const open = async (target: buildConnector.Options): Promise<Socket> => {
    const connect = await prepare(target);
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    connect(target, (...[error, socket]: [null, Socket] | [Error, null]) => (error ? reject(error) : resolve(socket)));
    const socket = await promise;
    options.faults.watch(socket);
    if (socket.remoteAddress !== undefined) {
      onConnect?.(`${target.protocol}//${target.host}`, classifyAddress(socket.remoteAddress));
    }
    return socket;
  };
  // The socket is handed over before the loop goes on: nothing that it tells meanwhile is missed.
  const opened = callbackify(open);
  return (target, callback) =>
    opened(target, (error: Error | null, socket) => (error ? callback(error, null) : callback(null, socket)));
}

/** Answers with the addresses that were checked, whatever the name leads to by now. */
function pinned(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_hostname, { all: wantsAll }, callback) => {
    const [first] = all;
    // Later, as a look-up answers: a TLS socket whose connect fails at once has nobody yet who listens for the error.
    process.nextTick(() => {
      if (wantsAll || first === undefined) callback(null, all);
      else callback(null, first.address, first.family);
    });
  };
}

/** Addresses, or the error of a connection that took too long. */
export async function timely(
  addresses: Promise<readonly string[]>,
  ms: number,
  hostname: string,
): Promise<readonly string[]> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new errors.ConnectTimeoutError(`no address of ${hostname} in time`)), ms);
  try {
    return await Promise.race([addresses, late]);
  } finally {
    clearTimeout(timer);
  }
}
