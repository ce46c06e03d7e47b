import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type BuiltImage, type SelfSigned, selfSigned } from '@slipway/testing';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A little server that says what a test wants it to say, and keeps what it was sent. */
export interface HostileServer {
  /** `127.0.0.1:port` */
  readonly address: string;
  readonly origin: string;
  readonly port: number;
  /** Certificates to trust, when it speaks TLS. */
  readonly authorities: readonly string[];
  /** `GET /path` of each request, oldest first. */
  readonly paths: readonly string[];
  /** All that it was sent, heads only: what a thief would have. */
  readonly loot: () => string;
  stop(): Promise<void>;
}

export async function startHostile(handler: Handler, { tls = false } = {}): Promise<HostileServer> {
  const certificate: SelfSigned | undefined = tls ? selfSigned(['127.0.0.1', 'localhost']) : undefined;
  const paths: string[] = [];
  const heads: string[] = [];
  const record: Handler = (request, response) => {
    paths.push(`${request.method} ${request.url}`);
    heads.push(JSON.stringify([request.url, request.rawHeaders]));
    // A client that hangs up in the middle is what is wanted here.
    response.on('error', () => undefined);
    handler(request, response);
  };
  const server: Server = certificate
    ? createTlsServer({ key: certificate.keyPem, cert: certificate.certPem }, record)
    : createServer(record);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    origin: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    authorities: certificate ? [certificate.certPem] : [],
    paths,
    loot: () => heads.join('\n'),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** An honest registry of one image, to be lied about in one point. */
export function honest(image: BuiltImage): Handler {
  return (request, response) => {
    const path = request.url ?? '';
    const blob = image.blobs.find(({ digest }) => path.endsWith(`/blobs/${digest}`));
    if (/\/manifests\//.test(path)) {
      response.writeHead(200, {
        'content-type': image.manifest.mediaType,
        'docker-content-digest': image.manifest.digest,
        'content-length': image.manifest.size,
      });
      response.end(image.manifest.bytes);
    } else if (blob) {
      response.writeHead(200, { 'content-length': blob.bytes.length }).end(blob.bytes);
    } else {
      response.writeHead(404).end();
    }
  };
}

/** Answers with one body to everything. */
export function always(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array = '',
): Handler {
  return (_request, response) => {
    response.writeHead(status, headers).end(body);
  };
}

/** Sends pieces for ever, as fast as they are taken. */
export function endless(status: number, headers: Readonly<Record<string, string>>, piece: string): Handler {
  return (_request, response) => {
    response.writeHead(status, headers);
    const more = (): void => {
      while (!response.destroyed && response.write(piece));
    };
    response.on('drain', more);
    more();
  };
}
