import type { ServerResponse } from 'node:http';
import { type BuiltLayer, buildImage, buildLayer } from '@slipway/testing';
import type { Handler, RawHandler } from './hostile-registry.test-support.ts';

export const PASSWORD = 'canary-password-Zx7Qw9';
export const BEARER = 'canary-token-Kp3Lm8';

/** Not packed, and large enough to be broken off in the middle. */
export const LAYER: BuiltLayer = buildLayer([{ name: 'a', content: 'a'.repeat(50_000) }], 'none');
export const IMAGE = buildImage({ layers: [LAYER] });

/** Answers as an honest registry of one image. */
export const honest: Handler = (request, response) => {
  const path = request.url ?? '';
  const blob = IMAGE.blobs.find(({ digest }) => path.includes(`/blobs/${digest}`));
  if (blob !== undefined) response.writeHead(200, { 'content-length': blob.bytes.length }).end(blob.bytes);
  else if (path.includes('/manifests/')) answerManifest(response);
  else response.writeHead(404).end();
};

function answerManifest(response: ServerResponse): void {
  const { mediaType, digest, size, bytes } = IMAGE.manifest;
  response.writeHead(200, { 'content-type': mediaType, 'docker-content-digest': digest, 'content-length': size });
  response.end(bytes);
}

/** One answer to everything. */
export const always =
  (
    status: number,
    headers: Readonly<Record<string, string | readonly string[]>> = {},
    body: string | Uint8Array = '',
  ): Handler =>
  (_request, response) => {
    response.writeHead(status, headers as Record<string, string | string[]>).end(body);
  };

/** Honest but where the path has this in it. */
export const exceptFor =
  (part: string, handler: Handler): Handler =>
  (request, response) =>
    (request.url?.includes(part) ? handler : honest)(request, response);

/** Wants the password, and goes on with those who bring one. */
export const basic =
  (next: Handler): Handler =>
  (request, response) =>
    (request.headers.authorization === undefined ? always(401, { 'www-authenticate': 'Basic realm="x"' }) : next)(
      request,
      response,
    );

/** Wants a token of a realm, and goes on with those who bring one. */
export const bearer =
  (realm: string, next: Handler = honest, extra = ''): Handler =>
  (request, response) =>
    (request.headers.authorization?.startsWith('Bearer ')
      ? next
      : always(401, { 'www-authenticate': `Bearer realm="${realm}",service="s"${extra}` }))(request, response);

/** Gives a token. */
export const tokens: Handler = always(200, { 'content-type': 'application/json' }, JSON.stringify({ token: BEARER }));

/** Pieces without end, as fast as they are taken. */
export const endless =
  (status: number, headers: Readonly<Record<string, string>>, piece: string | Uint8Array): Handler =>
  (_request, response) => {
    response.writeHead(status, headers);
    const more = (): void => {
      while (!response.destroyed && response.write(piece));
    };
    response.on('drain', more);
    more();
  };

/** A piece now and then, for ever. */
export const drip =
  (status: number, headers: Readonly<Record<string, string>>, piece: string): Handler =>
  (_request, response) => {
    response.writeHead(status, headers);
    const timer = setInterval(() => response.write(piece), 50);
    response.on('close', () => clearInterval(timer));
  };

/** The head of an answer and some of its body, and then nothing more. */
export const stall =
  (status: number, headers: Readonly<Record<string, string | number>>, start = ''): Handler =>
  (_request, response) => {
    response.writeHead(status, headers);
    if (start === '') response.flushHeaders();
    else response.write(start);
  };

/** These bytes, whatever is asked, and then the end. */
export const says =
  (text: string | Uint8Array): RawHandler =>
  (socket) => {
    socket.end(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  };

/** A registry and its token server in one. */
export const both =
  (token: Handler, next: Handler = honest, extra = ''): Handler =>
  (request, response) =>
    (request.url?.startsWith('/token') ? token : bearer(`http://${request.headers.host}/token`, next, extra))(
      request,
      response,
    );

/** A redirect. */
export const to = (status: number, location: string): Handler => always(status, { location });

/** What an Authorization header holds, for servers that repeat it. */
export function decoded(authorization = ''): string {
  return Buffer.from(authorization.replace(/^\w+ /, ''), 'base64').toString();
}
