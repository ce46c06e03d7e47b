import { Counter, createMetrics, Gauge, Histogram, type Registry } from '@slipway/service-kit';
import type { AccessRecord } from './domain/access-record.ts';

/** Figures that are read when somebody asks. */
export interface RouterFigures {
  readonly routes: number;
  readonly endpoints: number;
  readonly msSinceLastRegistration: number;
  readonly clientConnections: number;
  readonly idleUpstreams: number;
  readonly dialed: number;
  readonly reused: number;
  readonly suppressedLines: number;
}

export interface RouterMetrics {
  readonly registry: Registry;
  readonly onAccess: (record: AccessRecord) => void;
  readonly onRejected: (reason: string) => void;
  readonly onRouteMessage: (kind: 'register' | 'unregister' | 'invalid', component: string) => void;
  readonly onPruned: (endpoints: number) => void;
}

/** Gorouter's buckets, in ms. */
const LATENCY_BUCKETS_MS = [1, 2, 4, 6, 8, 10, 20, 40, 50, 100, 500, 1000];

/** Gorouter's own names where it has them (`metrics_prometheus/metrics.go`). */
export function createRouterMetrics(figures: () => RouterFigures): RouterMetrics {
  const registry = createMetrics('router');
  const registers = [registry];
  const read = (name: string, help: string, pick: (figures: RouterFigures) => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(pick(figures()));
      },
    });
  };
  read('total_routes', 'Routes known.', (f) => f.routes);
  read('router_endpoints', 'Endpoints in all routes.', (f) => f.endpoints);
  read('ms_since_last_registry_update', 'Since the last registration.', (f) => f.msSinceLastRegistration);
  read('router_client_connections', 'Open client connections.', (f) => f.clientConnections);
  read('router_idle_backend_connections', 'Open backend connections without a request.', (f) => f.idleUpstreams);
  read('router_backend_dials', 'Backend connections made.', (f) => f.dialed);
  read('router_backend_reuses', 'Requests on a connection that had served before.', (f) => f.reused);
  read('router_access_log_left_out', 'Access log lines beyond the limit of their app.', (f) => f.suppressedLines);

  const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
    new Counter({ name, help, labelNames, registers });
  const requests = counter('total_requests', 'Requests, malformed ones left out.');
  const responses = counter('responses', 'Responses by the class of their status.', ['status_group']);
  const rejected = counter('rejected_requests', 'Requests for routes that are not known.');
  const badGateways = counter('bad_gateways', 'Requests that no endpoint answered.');
  const exhausted = counter('backend_exhausted_conns', 'Requests refused because all backends were at their limit.');
  const upgrades = counter('websocket_upgrades', 'Connections that became tunnels, counted when they end.');
  const retries = counter('router_retries', 'Requests that were tried on another endpoint, by attempt.');
  const malformed = counter('router_malformed_requests', 'Requests refused unread.', ['reason']);
  const registered = counter('registry_message', 'Route messages taken.', ['component', 'action']);
  const invalid = counter('router_invalid_route_messages', 'Route messages dropped.');
  const pruned = counter('routes_pruned', 'Endpoints that nobody registered any more.');
  const latency = new Histogram({
    name: 'latency',
    help: 'From a request to the last byte of its response, in ms.',
    buckets: LATENCY_BUCKETS_MS,
    registers,
  });
  const byClass = ['xxx', '1xx', '2xx', '3xx', '4xx', '5xx'].map((status_group) => responses.labels({ status_group }));

  return {
    registry,
    onAccess: ({ status, attempts, totalMs, routerError }) => {
      requests.inc();
      byClass[Math.floor(status / 100)]?.inc();
      if (attempts > 1) retries.inc(attempts - 1);
      if (status === 101) upgrades.inc();
      else latency.observe(totalMs);
      if (routerError === '') return;
      if (routerError === 'unknown_route') rejected.inc();
      else if (routerError === 'Connection Limit Reached') exhausted.inc();
      else if (status === 502) badGateways.inc();
    },
    onRejected: (reason) => malformed.inc({ reason }),
    onRouteMessage: (kind, component) => {
      if (kind === 'invalid') invalid.inc();
      else registered.inc({ component, action: kind });
    },
    onPruned: (endpoints) => pruned.inc(endpoints),
  };
}
