import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { connectionTarget } from '../settings/host-pattern.ts';
import {
  entryForHost,
  networksApply,
  type RegistryEntry,
  type RegistrySettings,
} from '../settings/registry-settings.ts';
import { isLoopbackHost } from './address-class.ts';

/** A connection that is about to be opened. */
export interface WantedConnection {
  readonly protocol: string;
  /** IPv6 with or without brackets. */
  readonly hostname: string;
  readonly port: string;
  /** All addresses that it may go to, after name resolution. */
  readonly addresses: readonly string[];
  /** To the registry itself, and not to a host that it named. */
  readonly own: boolean;
}

export interface TlsChoice {
  readonly rejectUnauthorized: boolean;
  /** Undefined: with the authorities of the system. */
  readonly secureContext: SecureContext | undefined;
}

/** What the registries settings say of connections: which may be plain, and how TLS is spoken. */
export class ConnectionPolicy {
  readonly #settings: RegistrySettings;
  readonly #extraAuthorities: readonly string[];
  readonly #contexts = new Map<string, SecureContext>();

  constructor(settings: RegistrySettings, extraAuthorities: readonly string[]) {
    this.#settings = settings;
    this.#extraAuthorities = extraAuthorities;
  }

  /**
   * Whether plain http may be spoken. Hosts that a registry names are judged where they are named (they may be plain when
   * it is); here it is about the registry, whose name may lead elsewhere by now than when it was found to be plain.
   */
  allowsPlain({ protocol, hostname, port, addresses, own }: WantedConnection): boolean {
    const target = connectionTarget(protocol, hostname, port);
    const { plainHttp } = this.#settings;
    return (
      !own ||
      isLoopbackHost(target.host) ||
      plainHttp.names(target) ||
      (networksApply(this.#settings, target) && plainHttp.covers(addresses))
    );
  }

  /** A client certificate is shown to the registry that it is set for, in requests to it, and never to another host. */
  tls({ protocol, hostname, port, addresses, own }: WantedConnection): TlsChoice {
    const target = connectionTarget(protocol, hostname, port);
    const { unverifiedTls } = this.#settings;
    const unverified =
      unverifiedTls.names(target) || (networksApply(this.#settings, target) && unverifiedTls.covers(addresses));
    return {
      rejectUnauthorized: !unverified,
      secureContext: this.#context(entryForHost(this.#settings, target), own),
    };
  }

  #context(entry: RegistryEntry | undefined, own: boolean): SecureContext | undefined {
    const authorities = [...this.#extraAuthorities, ...(entry?.authorities ?? [])];
    const client = own ? entry?.clientCertificate : undefined;
    if (authorities.length === 0 && client === undefined) {
      return undefined;
    }
    const key = `${client === undefined ? 'foreign' : 'own'} ${entry?.pattern.text ?? ''}`;
    const context =
      this.#contexts.get(key) ??
      createSecureContext({
        // Naming one authority replaces all others: the system's are named again.
        ...(authorities.length === 0 ? {} : { ca: [...getCACertificates(), ...authorities] }),
        ...(client === undefined ? {} : { cert: client.certificate, key: client.key.reveal() }),
      });
    this.#contexts.set(key, context);
    return context;
  }
}
