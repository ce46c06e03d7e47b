import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

export interface HealthAnswer {
  readonly status: number;
  readonly body: string;
  /** Content-Type; default plain text. */
  readonly type?: string;
}

export interface HealthChecks {
  /** Undefined when ready, else what is missing, e.g. `NATS: not connected`. */
  readonly notReady: () => string | undefined;
  readonly metrics: Registry;
  /** Further paths that a service answers, e.g. `/routes`. */
  readonly more?: Readonly<Record<string, () => HealthAnswer>>;
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * /healthz: the process answers. /readyz: 200, or 503 with the reason in the body. /metrics: Prometheus text.
 * On loopback only: it tells of the inside.
 */
export async function startHealthServer(port: number, checks: HealthChecks): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
      response.end(body);
    };
    switch (request.url) {
      case '/healthz':
        return answer(200, 'ok\n');
      case '/readyz': {
        const reason = checks.notReady();
        return reason === undefined ? answer(200, 'ready\n') : answer(503, `not ready: ${reason}\n`);
      }
      case '/metrics':
        checks.metrics.metrics().then(
          (text) => answer(200, text, checks.metrics.contentType),
          (error: unknown) => answer(500, `metrics: ${String(error)}\n`),
        );
        return;
      default: {
        const more = checks.more?.[request.url ?? '']?.();
        if (more !== undefined) return answer(more.status, more.body, more.type);
        return answer(
          404,
          `known: ${['/healthz', '/readyz', '/metrics', ...Object.keys(checks.more ?? {})].join(' ')}\n`,
        );
      }
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}
