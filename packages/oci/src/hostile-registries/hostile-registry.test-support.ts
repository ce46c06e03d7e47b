import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { OciErrorCode } from '../errors.ts';
import type { RegistryClientOptions } from '../registry/registry-client.ts';

/** What must come of asking a hostile registry. */
export type Outcome =
  | { readonly refused: OciErrorCode }
  /** The image is had all the same: what was tried has no effect. */
  | { readonly pulled: true };

/** Speaks HTTP, or with the socket itself once the first bytes have come. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void;
export type RawHandler = (socket: Socket, first: Buffer) => void;

export type Certificate = 'good' | 'expired' | 'not yet valid' | 'of another host' | 'of nobody known';

export interface ServerOptions {
  /** Default: the address of the registry for the first server of a case, that of a stranger for the others. */
  readonly at?: string;
  readonly tls?: Certificate;
  /** It may be given the credentials: the registry itself, or its token server. All others are foreign. */
  readonly trusted?: boolean;
}

export interface Served {
  readonly host: string;
  readonly port: number;
  /** `http://203.0.113.1:4711` */
  readonly origin: string;
  /** How many connections it was asked for. */
  readonly connections: () => number;
  /** All that it received, as Latin-1: every byte of every connection, within TLS. */
  readonly loot: () => string;
}

/** Where a case is played: a network namespace in which all kinds of addresses are those of this process. */
export interface World {
  serve(handler: Handler, options?: ServerOptions): Promise<Served>;
  /** A server of sockets; the handler is called with what comes first. */
  serveRaw(handler: RawHandler, options?: ServerOptions): Promise<Served>;
  /** One that says something to whoever connects, before being asked. */
  serveFirst(handler: (socket: Socket) => void, options?: ServerOptions): Promise<Served>;
}

/** How a case asks its registry. */
export interface Play {
  /** `host:port` of the reference. */
  readonly registry: string;
  /** What names lead to: addresses by how often the name was looked up before; the last stays. */
  readonly names?: Readonly<Record<string, readonly (readonly string[] | Error | 'never')[]>>;
  readonly options?: Partial<RegistryClientOptions>;
  /** Default: a user name and a password are given. */
  readonly anonymous?: boolean;
  /** Default `inspect`: manifest and config. `blob` reads the layer, too. */
  readonly action?: 'inspect' | 'blob';
}

export interface HostileRegistry {
  readonly name: string;
  readonly expect: Outcome;
  readonly play: (world: World) => Promise<Play>;
}

/** Cases that try the same thing. */
export interface Family {
  readonly title: string;
  /** What becomes of them, and why; for docs/hostile-registries.md. */
  readonly what: string;
  readonly registries: readonly HostileRegistry[];
}

/** What came of a case, as the process that plays them tells it. */
export interface Played {
  readonly title: string;
  readonly name: string;
  /** A code; `pulled`; `hung`; or what else happened. */
  readonly outcome: string;
  /** Secrets that got to a foreign server, into an error, or into the log. */
  readonly stolen: readonly string[];
  readonly seconds: number;
}

/** The last line of that process. */
export interface Ending {
  readonly traps: { readonly armed: boolean; readonly sprung: readonly string[] };
}
