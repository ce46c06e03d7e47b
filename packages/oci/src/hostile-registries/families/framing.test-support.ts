import { gzipSync } from 'node:zlib';
import { PROTOCOL, PULLED, raw, refused, UNREACHABLE } from '../cases.test-support.ts';
import { IMAGE, says } from '../honest.test-support.ts';
import type { Family, RawHandler } from '../hostile-registry.test-support.ts';
import { answerTo, head, onlyFor } from '../raw-answers.test-support.ts';

const { size, bytes } = IMAGE.manifest;

const whole = (headers: string): RawHandler => says(Buffer.concat([Buffer.from(head(headers), 'latin1'), bytes]));
const chunk = (part: Uint8Array, length = part.length.toString(16)): string =>
  `${length}\r\n${Buffer.from(part).toString('latin1')}\r\n`;
const chunked = (text: string, headers = 'transfer-encoding: chunked'): RawHandler => says(`${head(headers)}${text}`);

export const framing: Family = {
  title: 'HTTP that is ambiguous or broken',
  what: 'What can be read in two ways is refused by the parser, which is strict; an answer that breaks off is no answer. One connection is never used again after that.',
  registries: [
    raw('SSH', PROTOCOL, says('SSH-2.0-OpenSSH_9.6\r\n')),
    raw('a mail server', PROTOCOL, says('220 mail ESMTP\r\n')),
    raw('HTTP/0.9', PROTOCOL, says(bytes)),
    raw('a web page without headers', PROTOCOL, says('<html></html>')),
    raw('the preface of HTTP/2', PROTOCOL, says('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')),
    raw('zeros', PROTOCOL, says(Buffer.alloc(10_000))),
    raw('an alert of TLS', PROTOCOL, says('\x15\x03\x03\x00\x02\x02\x28')),
    raw('what was asked', PROTOCOL, (socket, asked) => void socket.end(asked)),
    raw('nothing', UNREACHABLE, says('')),
    raw('a version that there is not', PROTOCOL, says('HTTP/9.9 200 OK\r\ncontent-length: 0\r\n\r\n')),
    raw('a status of two digits', PROTOCOL, says('HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n')),
    raw('a status of letters', PROTOCOL, says('HTTP/1.1 OK\r\ncontent-length: 0\r\n\r\n')),
    raw('a status of 999', refused('REGISTRY_UNAVAILABLE'), says('HTTP/1.1 999 x\r\ncontent-length: 0\r\n\r\n')),
    raw(
      'an upgrade that nobody asked for',
      UNREACHABLE,
      says('HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n'),
    ),
    raw('HTTP/1.0, to the end of the connection', PULLED, (socket, asked) => {
      const text = answerTo(asked.toString('latin1'))
        .toString('latin1')
        .replace('HTTP/1.1', 'HTTP/1.0')
        .replace(/content-length: \d+\r\n/, '');
      socket.end(text, 'latin1');
    }),
    raw('two different lengths', PROTOCOL, whole(`content-length: ${size}\r\ncontent-length: 5`)),
    raw('the same length twice', PROTOCOL, whole(`content-length: ${size}\r\ncontent-length: ${size}`)),
    raw('a list of lengths', PROTOCOL, whole(`content-length: ${size}, ${size}`)),
    raw('a negative length', PROTOCOL, whole('content-length: -1')),
    raw('a length with a sign', PROTOCOL, whole(`content-length: +${size}`)),
    raw('a length in hex', PROTOCOL, whole(`content-length: 0x${size.toString(16)}`)),
    raw('a length of 2^64', PROTOCOL, whole('content-length: 18446744073709551616')),
    raw('an empty length', PROTOCOL, whole('content-length:')),
    raw(
      'a length and chunks',
      PROTOCOL,
      chunked(`${chunk(bytes)}0\r\n\r\n`, `content-length: ${size}\r\ntransfer-encoding: chunked`),
    ),
    raw(
      'chunks and a length',
      PROTOCOL,
      chunked(`${chunk(bytes)}0\r\n\r\n`, `transfer-encoding: chunked\r\ncontent-length: 5`),
    ),
    raw('a length that is too long', UNREACHABLE, whole(`content-length: ${size + 10}`)),
    raw('a length that is too short', refused('DOCUMENT_MALFORMED'), whole(`content-length: ${size - 10}`)),
    raw(
      'chunks of chunks',
      PULLED,
      onlyFor('/manifests/', chunked(`${chunk(bytes)}0\r\n\r\n`, 'transfer-encoding: chunked, chunked')),
    ),
    raw(
      'an encoding that there is not',
      refused('DOCUMENT_MALFORMED'),
      chunked(`${chunk(bytes)}0\r\n\r\n`, 'transfer-encoding: xchunked'),
    ),
    raw(
      'a transfer in gzip',
      refused('DOCUMENT_MALFORMED'),
      chunked(`${chunk(gzipSync(bytes))}0\r\n\r\n`, 'transfer-encoding: gzip, chunked'),
    ),
    raw(
      'chunks that are the other way round',
      refused('DOCUMENT_MALFORMED'),
      chunked(`${chunk(bytes)}0\r\n\r\n`, 'transfer-encoding: chunked, identity'),
    ),
    raw('a chunk size of letters', PROTOCOL, chunked('zz\r\n\r\n')),
    raw('a chunk size that is negative', PROTOCOL, chunked('-5\r\nxxxxx\r\n')),
    raw('a chunk size of 2^64', PROTOCOL, chunked('ffffffffffffffff1\r\nx')),
    raw('a chunk size of 2^63', UNREACHABLE, chunked('7fffffffffffffff\r\nx')),
    raw('a chunk that is longer than it says', PROTOCOL, chunked(`5\r\n${bytes.toString('latin1')}\r\n0\r\n\r\n`)),
    raw('chunks without their end', UNREACHABLE, chunked(chunk(bytes))),
    raw('a chunk without its line end', PROTOCOL, chunked(`${chunk(bytes).slice(0, -2)}0\r\n\r\n`)),
    raw('a trailer that says another digest', PULLED, trailing('docker-content-digest: sha256:evil')),
    raw('a header that goes on in the next line', PROTOCOL, whole(`x: a\r\n b\r\ncontent-length: ${size}`)),
    raw('a header without a colon', PROTOCOL, whole(`evil\r\ncontent-length: ${size}`)),
    raw('a blank before the colon', PROTOCOL, whole(`content-length : ${size}`)),
    raw('a NUL in a header', PROTOCOL, whole(`x: a\0b\r\ncontent-length: ${size}`)),
    raw('a carriage return in a header', PROTOCOL, whole(`x: a\rb\r\ncontent-length: ${size}`)),
    raw(
      'lines that end in a newline only',
      PROTOCOL,
      says(Buffer.concat([Buffer.from(head(`content-length: ${size}`).replaceAll('\r', '')), bytes])),
    ),
    raw('a second answer behind the first', PULLED, (socket, asked) => {
      const evil = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil';
      const text = answerTo(asked.toString('latin1')).toString('latin1').replace('connection: close\r\n', '');
      socket.write(Buffer.from(`${text}${evil}`, 'latin1'));
    }),
    raw('an answer before it is asked', PULLED, (socket, asked) => void socket.end(answerTo(asked.toString('latin1')))),
    raw('a hundred bytes and the end', UNREACHABLE, says(whole100())),
    raw('headers without their end', UNREACHABLE, says('HTTP/1.1 200 OK\r\ncontent-type: x\r\n')),
  ],
};

function trailing(trailer: string): RawHandler {
  return (socket, asked) => {
    const text = asked.toString('latin1');
    if (!text.includes('/manifests/')) return void socket.end(answerTo(text));
    socket.end(
      `${head('transfer-encoding: chunked\r\ntrailer: x\r\nconnection: close')}${chunk(bytes)}0\r\n${trailer}\r\n\r\n`,
      'latin1',
    );
  };
}

function whole100(): Buffer {
  return Buffer.concat([Buffer.from(head(`content-length: ${size}`)), bytes]).subarray(
    0,
    100 + head(`content-length: ${size}`).length,
  );
}
