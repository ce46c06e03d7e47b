import type { Backend, BackendSpec } from './backend.ts';

/** What a registration says about one place that serves. */
export interface EndpointSpec extends BackendSpec {
  /** App guid; empty for components of the platform. */
  readonly appId: string;
  /** A number in text form; empty for components. */
  readonly instanceIndex: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** An endpoint as one pool knows it; how the place itself is doing is its backend's, shared by all pools. */
export interface Endpoint {
  spec: EndpointSpec;
  readonly backend: Backend;
  /** When it was last registered, in ms of the clock given to the table. */
  lastSeen: number;
  /** Without a registration for so long it is pruned. */
  ttlMs: number;
}

/** True when both say the same, so that a heartbeat is only that. */
export function sameSpec(a: EndpointSpec, b: EndpointSpec): boolean {
  return sameBackend(a, b) && a.appId === b.appId && a.instanceIndex === b.instanceIndex && sameTags(a.tags, b.tags);
}

/**
 * True when connections made for one will do for the other. Another instance at the same address is another backend:
 * container addresses are used again, and a response from the old connection or a failure mark must not outlive its owner.
 */
export function sameBackend(a: BackendSpec, b: BackendSpec): boolean {
  return (
    a.address === b.address &&
    a.tls === b.tls &&
    a.serverCertDomainSan === b.serverCertDomainSan &&
    sameInstance(a.instanceId, b.instanceId)
  );
}

/** An unknown instance may be any. */
export function sameInstance(a: string, b: string): boolean {
  return a === b || a === '' || b === '';
}

function sameTags(a: EndpointSpec['tags'], b: EndpointSpec['tags']): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
