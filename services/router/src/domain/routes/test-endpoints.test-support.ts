import { Backend } from './backend.ts';
import type { Endpoint, EndpointSpec } from './endpoint.ts';

export function specOf(port: number, more: Partial<EndpointSpec> = {}): EndpointSpec {
  return {
    address: `10.0.0.1:${port}`,
    host: '10.0.0.1',
    port,
    tls: false,
    serverCertDomainSan: '',
    appId: 'app',
    instanceId: `instance-${port}`,
    instanceIndex: '0',
    tags: {},
    ...more,
  };
}

export function endpointOf(port: number, more: Partial<EndpointSpec> = {}): Endpoint {
  const spec = specOf(port, more);
  return { spec, backend: new Backend(spec), lastSeen: 0, ttlMs: 120_000 };
}
