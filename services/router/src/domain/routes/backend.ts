/** What a registration says of the place itself. */
export interface BackendSpec {
  /** `host:port`, with brackets around an IPv6 host: the identity of an endpoint inside a pool. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  /** The port was `tls_port`. */
  readonly tls: boolean;
  /** DNS name that the certificate of a TLS endpoint must carry; empty: not checked. */
  readonly serverCertDomainSan: string;
  /** `private_instance_id`; may be empty. */
  readonly instanceId: string;
}

/** A place that serves, and how it is doing; known to any number of pools. */
export class Backend {
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly serverCertDomainSan: string;
  /** The first instance id that was registered for it. */
  instanceId: string;
  /** Requests sent, or being sent, whose response heads have not come yet. */
  waiting = 0;
  #failedAt: number | undefined;

  constructor(spec: BackendSpec) {
    this.address = spec.address;
    this.host = spec.host;
    this.port = spec.port;
    this.tls = spec.tls;
    this.serverCertDomainSan = spec.serverCertDomainSan;
    this.instanceId = spec.instanceId;
  }

  /** It refused or broke a connection: the balancer passes it over for a while. */
  markFailed(now: number): void {
    this.#failedAt = now;
  }

  clearFailure(): void {
    this.#failedAt = undefined;
  }

  isMarkedFailed(now: number, markMs: number): boolean {
    return this.#failedAt !== undefined && now - this.#failedAt < markMs;
  }
}
