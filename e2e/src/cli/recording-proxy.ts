import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request of the CLI and what it was answered, as the platform saw and said it. */
export interface Exchange {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly status: number;
  readonly location: string | undefined;
  /** Of the answer. */
  readonly answerHeaders: IncomingHttpHeaders;
  readonly answer: string;
}

export interface RecordingProxy {
  /** Where the CLI is pointed at. */
  readonly origin: string;
  stop(): Promise<void>;
}

/**
 * Stands between the CLI and the platform on loopback. Links of the platform to itself lead to the proxy, so that
 * everything the CLI sends is seen. `seen` gets the exchanges in the order of their requests' arrival.
 */
export async function startRecordingProxy(
  platform: string,
  seen: (exchange: Promise<Exchange>) => void,
): Promise<RecordingProxy> {
  const [host = '', port = '80'] = platform.split(':');
  const relay = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<Exchange> => {
    const body = await text(incoming);
    const upstream = request({
      host,
      port,
      method: incoming.method ?? 'GET',
      path: incoming.url ?? '/',
      headers: { ...incoming.headers, host: platform, 'accept-encoding': 'identity', connection: 'close' },
    });
    upstream.end(body.replaceAll(here(), platform));
    const [response] = (await once(upstream, 'response')) as [IncomingMessage];
    const answer = await text(response);
    const { 'content-length': _length, 'transfer-encoding': _encoding, ...headers } = response.headers;
    const location = response.headers.location;
    outgoing.writeHead(response.statusCode ?? 502, {
      ...headers,
      ...(location === undefined ? {} : { location: location.replaceAll(platform, here()) }),
    });
    outgoing.end(answer.replaceAll(platform, here()));
    return {
      method: incoming.method ?? 'GET',
      path: incoming.url ?? '/',
      headers: incoming.headers,
      body: body.replaceAll(here(), platform),
      status: response.statusCode ?? 0,
      location,
      answerHeaders: response.headers,
      answer,
    };
  };
  const server = createServer((incoming, outgoing) => {
    const exchange = relay(incoming, outgoing);
    // Whoever has gone away mid-request, as an interrupted CLI does, gets no answer.
    exchange.catch(() => outgoing.destroy());
    seen(exchange);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const here = (): string => `localhost:${(server.address() as AddressInfo).port}`;
  return {
    origin: `http://${here()}`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function text(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
