import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { isIP, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import { type AddressClass, classifyAddress } from './address-class.ts';

/** A name or literal leads to an address that the policy excludes. The socket was never opened. */
export class AddressRefusedError extends Error {
  readonly address: string;

  constructor(hostname: string, address: string) {
    super(
      hostname === address
        ? `${address} must not be asked`
        : `${hostname} leads to ${address}, which must not be asked`,
    );
    this.name = 'AddressRefusedError';
    this.address = address;
  }
}

export interface ConnectorOptions {
  readonly connectMs: number;
  readonly allows: (address: AddressClass) => boolean;
  /** PEM certificates of authorities; undefined: those of the system. */
  readonly authorities: readonly string[] | undefined;
  /** Told about each established connection (after TLS), with the origin it is for. */
  readonly onConnect?: (origin: string, address: AddressClass) => void;
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/**
 * An undici connector that looks at each address between name resolution and connect, so that the address checked is
 * the address used: a name that changes its mind in between (DNS rebinding) gains nothing.
 */
export function createConnector({
  connectMs,
  allows,
  authorities,
  onConnect,
}: ConnectorOptions): buildConnector.connector {
  const checkedLookup = (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const refused = error ? undefined : addresses.find(({ address }) => !allows(classifyAddress(address)));
      const first = addresses?.[0];
      if (error || refused || first === undefined) {
        callback(error ?? new AddressRefusedError(hostname, refused?.address ?? 'nowhere'), '');
      } else if (options.all) {
        callback(null, addresses);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
  const connect = buildConnector({
    timeout: connectMs,
    allowH2: false,
    lookup: checkedLookup,
    ...(authorities ? { ca: authorities } : {}),
  } as buildConnector.BuildOptions);
  return (options, callback) => {
    const { hostname } = options;
    if (isIP(hostname) !== 0 && !allows(classifyAddress(hostname))) {
      callback(new AddressRefusedError(hostname, hostname), null);
      return;
    }
    connect(options, (...[error, socket]: [null, Socket] | [Error, null]) => {
      if (error) {
        callback(error, null);
        return;
      }
      if (socket.remoteAddress !== undefined) {
        onConnect?.(`${options.protocol}//${options.host}`, classifyAddress(socket.remoteAddress));
      }
      callback(null, socket);
    });
  };
}
