import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What the world sees of a registry: itself; nothing at all; a refusal of whatever is asked; or "too many requests", and
 * come back in an hour.
 */
export type RegistryWeather = 'fine' | 'gone' | 401 | 403 | 429;

export interface RegistryFront {
  /** `127.0.0.1:port`, for references. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  /** What was asked since the last change of weather: `GET /v2/a/manifests/b`. */
  readonly requests: readonly string[];
  become(weather: RegistryWeather): Promise<void>;
  stop(): Promise<void>;
}

/** Stands before a registry on loopback, and can be made as bad as registries get. */
export async function startRegistryFront(registry: {
  readonly host: string;
  readonly port: number;
}): Promise<RegistryFront> {
  const requests: string[] = [];
  let weather: RegistryWeather = 'fine';
  const handle = (asked: IncomingMessage, answer: ServerResponse): void => {
    requests.push(`${asked.method} ${asked.url}`);
    if (typeof weather === 'number') refuse(weather, answer);
    else forward(registry, asked, answer);
  };
  let server = await listen(handle, 0);
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    requests,
    become: async (next) => {
      requests.length = 0;
      if (next === 'gone') await close(server);
      else if (!server.listening) server = await listen(handle, port);
      weather = next;
    },
    stop: () => close(server),
  };
}

async function listen(handle: (asked: IncomingMessage, answer: ServerResponse) => void, port: number): Promise<Server> {
  const server = createServer(handle).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

function refuse(status: 401 | 403 | 429, answer: ServerResponse): void {
  const code = { 401: 'UNAUTHORIZED', 403: 'DENIED', 429: 'TOOMANYREQUESTS' }[status];
  answer.writeHead(status, {
    'content-type': 'application/json',
    ...(status === 401 ? { 'www-authenticate': 'Basic realm="front"' } : {}),
    ...(status === 429 ? { 'retry-after': '3600' } : {}),
  });
  answer.end(JSON.stringify({ errors: [{ code, message: `the registry answers ${status} to everything` }] }));
}

function forward(
  { host, port }: { readonly host: string; readonly port: number },
  asked: IncomingMessage,
  answer: ServerResponse,
): void {
  const { method, url, headers } = asked;
  const onward = request({ host, port, method, path: url, headers }, (got) => {
    answer.writeHead(got.statusCode ?? 502, got.headers);
    got.pipe(answer);
  });
  onward.on('error', () => answer.destroy());
  asked.pipe(onward);
}
