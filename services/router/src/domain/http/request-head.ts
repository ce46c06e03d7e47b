import { consistsOf, tokenChars } from './char-classes.ts';
import { type ConnectionOptions, noConnectionOptions, readConnectionOptions } from './connection-options.ts';
import { type FieldLine, type FieldLinesFault, parseFieldLines } from './field-lines.ts';
import { Field } from './field-names.ts';
import { type Framing, type RequestFramingFault, requestFraming } from './framing.ts';
import { isHost, parseRequestTarget } from './request-target.ts';

/** A request's head, read and found unambiguous. */
export interface RequestHead {
  /** The request line and the field lines, each with its CRLF; the fields' positions point into it. */
  readonly text: string;
  readonly method: string;
  /** In origin form (or `*`), byte for byte as the client wrote it. */
  readonly target: string;
  readonly minorVersion: 0 | 1;
  /** The Host field or the target's authority; empty when the client gave none. */
  readonly host: string;
  /** The target was in absolute form, hence Host must be rewritten (RFC 9112 3.2.2). */
  readonly hostFromTarget: boolean;
  readonly fields: readonly FieldLine[];
  readonly framing: Framing;
  readonly connection: ConnectionOptions;
  /** The protocols asked for; empty when there is no valid upgrade request. */
  readonly upgrade: string;
}

/** Why a request was refused before it was looked at; the connection closes after the answer. */
export type RequestFault =
  | FieldLinesFault
  | RequestFramingFault
  | 'malformed-request-line'
  | 'malformed-target'
  | 'unsupported-version'
  | 'connect-unsupported'
  | 'missing-host'
  | 'malformed-host'
  /** Found later, in a chunked body. */
  | 'malformed-body';

const HTTP_VERSION = /^HTTP\/([0-9])\.([0-9])$/;

/**
 * Reads a request head: `text` is everything before the empty line, in Latin-1, so that a character is a byte.
 * Never throws.
 */
export function parseRequestHead(text: string, maxFields: number): RequestHead | RequestFault {
  const lineEnd = text.indexOf('\r\n');
  const methodEnd = text.indexOf(' ');
  const targetEnd = text.indexOf(' ', methodEnd + 1);
  if (methodEnd < 1 || targetEnd < 0 || targetEnd > lineEnd) return 'malformed-request-line';
  const method = text.slice(0, methodEnd);
  if (!consistsOf(method, tokenChars)) return 'malformed-request-line';
  const minorVersion = readVersion(text.slice(targetEnd + 1, lineEnd));
  if (typeof minorVersion === 'string') return minorVersion;
  if (method === 'CONNECT') return 'connect-unsupported';
  const target = parseRequestTarget(method, text.slice(methodEnd + 1, targetEnd));
  if (target === undefined) return 'malformed-target';
  const fields = parseFieldLines(text, lineEnd + 2, maxFields);
  if (typeof fields === 'string') return fields;
  const framing = requestFraming(fields, minorVersion);
  if (typeof framing === 'string') return framing;
  return readFields({ text, method, ...target, minorVersion, fields, framing });
}

function readVersion(text: string): 0 | 1 | 'malformed-request-line' | 'unsupported-version' {
  if (text === 'HTTP/1.1') return 1;
  if (text === 'HTTP/1.0') return 0;
  return HTTP_VERSION.test(text) ? 'unsupported-version' : 'malformed-request-line';
}

type Unread = Pick<RequestHead, 'text' | 'method' | 'target' | 'minorVersion' | 'fields' | 'framing'> & {
  readonly authority: string | undefined;
};

function readFields(head: Unread): RequestHead | RequestFault {
  const { text, method, target, authority, minorVersion, fields, framing } = head;
  let host: string | undefined;
  let connection = noConnectionOptions;
  let upgrade = '';
  for (const field of fields) {
    if (field.disguised) continue;
    switch (field.id) {
      case Field.host:
        if (host !== undefined) return 'malformed-host';
        host = field.value;
        break;
      case Field.connection:
        connection = readConnectionOptions(field.value, connection);
        break;
      case Field.upgrade:
        upgrade = upgrade === '' ? field.value : `${upgrade}, ${field.value}`;
        break;
      default:
    }
  }
  if (host === undefined && minorVersion === 1) return 'missing-host';
  if (host !== undefined && host !== '' && !isHost(host)) return 'malformed-host';
  return {
    text,
    method,
    target,
    minorVersion,
    host: authority ?? host ?? '',
    hostFromTarget: authority !== undefined,
    fields,
    framing,
    connection,
    upgrade: mayUpgrade(connection, minorVersion, framing, upgrade) ? upgrade : '',
  };
}

/**
 * An upgrade is optional for whoever receives the request (RFC 9110 7.8), so the doubtful ones are not passed on: with a
 * body, where the protocols would have to take turns; and to another HTTP, which would carry requests past the router
 * through the tunnel ("h2c smuggling").
 */
function mayUpgrade(connection: ConnectionOptions, minorVersion: 0 | 1, framing: Framing, upgrade: string): boolean {
  const bodyless = framing.kind === 'none' || (framing.kind === 'length' && framing.length === 0);
  if (!connection.upgrade || minorVersion === 0 || !bodyless || upgrade === '') return false;
  return upgrade.split(',').every((protocol) => !/^\s*(h2|http|tls)/i.test(protocol));
}
