import { REGISTRY } from '../addresses.test-support.ts';
import { at, BLOB, first, HTTPS, lying, PULLED, raw, TLS, UNREACHABLE } from '../cases.test-support.ts';
import { basic, both, honest, IMAGE, LAYER, says } from '../honest.test-support.ts';
import type { Family, HostileRegistry, Outcome, RawHandler, ServerOptions } from '../hostile-registry.test-support.ts';
import { head, onlyFor } from '../raw-answers.test-support.ts';

const { size, bytes } = IMAGE.manifest;
const CONFIG = IMAGE.config.digest;
/** Resets the connection when it has sent this much. */
const reset =
  (text: string | Uint8Array): RawHandler =>
  (socket) => {
    socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text, () => socket.resetAndDestroy());
  };
const answered = Buffer.concat([Buffer.from(head(`content-length: ${size}`)), bytes]);

export const resets: Family = {
  title: 'Connections that break',
  what: 'Asked again as often as the policy says, and then an error that says where it broke.',
  registries: [
    first('reset when connected', UNREACHABLE, (socket) => void socket.resetAndDestroy()),
    first('closed when connected', UNREACHABLE, (socket) => void socket.destroy()),
    raw('reset when asked', UNREACHABLE, (socket) => void socket.resetAndDestroy()),
    raw('reset in the status line', UNREACHABLE, reset('HTTP/1.1 20')),
    raw('reset in the headers', UNREACHABLE, reset('HTTP/1.1 200 OK\r\ncontent-le')),
    raw('reset after the headers', UNREACHABLE, reset(head(`content-length: ${size}`))),
    raw('reset in the manifest', UNREACHABLE, reset(answered.subarray(0, -20))),
    raw('closed in the manifest', UNREACHABLE, says(answered.subarray(0, -20))),
    raw(
      'reset in the config',
      UNREACHABLE,
      onlyFor(CONFIG, reset(`HTTP/1.1 200 OK\r\ncontent-length: ${IMAGE.config.size}\r\n\r\n{`)),
    ),
    raw(
      'reset in the layer',
      UNREACHABLE,
      onlyFor(LAYER.digest, reset(`HTTP/1.1 200 OK\r\ncontent-length: ${LAYER.size}\r\n\r\nxxx`)),
      BLOB,
    ),
    raw(
      'closed in the layer',
      UNREACHABLE,
      onlyFor(LAYER.digest, says(`HTTP/1.1 200 OK\r\ncontent-length: ${LAYER.size}\r\n\r\nxxx`)),
      BLOB,
    ),
    raw('reset in TLS', UNREACHABLE, (socket) => void socket.resetAndDestroy(), HTTPS),
    raw('closed in TLS', UNREACHABLE, (socket) => void socket.end(), HTTPS),
    lying(
      'reset in the token',
      UNREACHABLE,
      both((_request, response) => {
        response.writeHead(200, { 'content-length': 100 });
        response.write('{', () => response.socket?.resetAndDestroy());
      }),
    ),
    { name: 'nobody there', expect: UNREACHABLE, play: async () => ({ registry: 'registry.test:1' }) },
    {
      name: 'nobody there, in TLS',
      expect: UNREACHABLE,
      play: async () => ({ registry: 'registry.test:1', ...HTTPS }),
    },
  ],
};

/** A registry of https, which is not on the list of plain ones. */
const secure = (
  name: string,
  expect: Outcome,
  tls: NonNullable<ServerOptions['tls']>,
  registry = 'registry.test',
): HostileRegistry => ({
  name,
  expect,
  play: async (world) => ({ registry: at(await world.serve(basic(honest), { tls }), registry), ...HTTPS }),
});

export const certificates: Family = {
  title: 'TLS',
  what: 'A certificate that does not do is an error, and never a reason to speak plain http.',
  registries: [
    secure('a good certificate', PULLED, 'good'),
    secure('a good certificate, by address', PULLED, 'good', REGISTRY),
    secure('of nobody known', TLS, 'of nobody known'),
    secure('of another host', TLS, 'of another host'),
    secure('expired', TLS, 'expired'),
    secure('not yet valid', TLS, 'not yet valid'),
    {
      name: 'of nobody known, on this machine',
      expect: TLS,
      play: async (world) => ({
        registry: at(await world.serve(basic(honest), { tls: 'of nobody known', at: '127.0.0.1' }), '127.0.0.1'),
        ...HTTPS,
      }),
    },
    {
      name: 'expired, on this machine',
      expect: TLS,
      play: async (world) => ({
        registry: at(await world.serve(basic(honest), { tls: 'expired', at: '127.0.0.1' }), 'localhost'),
        ...HTTPS,
      }),
    },
    lying('plain http where https should be', TLS, basic(honest), HTTPS),
    raw('garbage', TLS, says('garbage'.repeat(100)), HTTPS),
    raw('an alert', TLS, says('\x15\x03\x03\x00\x02\x02\x28'), HTTPS),
    raw('a version of TLS that nobody speaks', TLS, says('\x16\x03\x00\x00\x04\x02\x00\x00\x00'), HTTPS),
    raw('the greeting sent back', TLS, (socket, asked) => void socket.end(asked), HTTPS),
    raw(
      'a record of the largest size',
      TLS,
      says(Buffer.concat([Buffer.from('\x16\x03\x03\xff\xff', 'latin1'), Buffer.alloc(65_535, 2)])),
      HTTPS,
    ),
  ],
};
