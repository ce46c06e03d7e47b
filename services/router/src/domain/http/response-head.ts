import { consistsOf, fieldValueChars } from './char-classes.ts';
import { type ConnectionOptions, noConnectionOptions, readConnectionOptions } from './connection-options.ts';
import { type FieldLine, type FieldLinesFault, parseFieldLines } from './field-lines.ts';
import { Field } from './field-names.ts';
import { type Framing, hasField, noBody, type RequestFramingFault, responseFraming } from './framing.ts';

/** A backend's response head. */
export interface ResponseHead {
  /** The status line and the field lines, each with its CRLF; the fields' positions point into it. */
  readonly text: string;
  readonly status: number;
  readonly reason: string;
  readonly minorVersion: 0 | 1;
  readonly fields: readonly FieldLine[];
  readonly framing: Framing;
  readonly connection: ConnectionOptions;
  /** The connection may serve another request after this response. */
  readonly persistent: boolean;
  /** Whole seconds for which the backend keeps the connection open, from its Keep-Alive field; -1 when not said. */
  readonly keepAliveSeconds: number;
}

export type ResponseFault = FieldLinesFault | RequestFramingFault | 'malformed-status-line';

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9][0-9])(?: (.*))?$/s;
const KEEP_ALIVE_TIMEOUT = /(?:^|[,;\s])timeout\s*=\s*"?([0-9]{1,9})/i;

/**
 * Reads the head of the response to a request of `method`: `text` is everything before the empty line, in Latin-1.
 * Never throws.
 */
export function parseResponseHead(text: string, method: string, maxFields: number): ResponseHead | ResponseFault {
  const lineEnd = text.indexOf('\r\n');
  const match = STATUS_LINE.exec(text.slice(0, lineEnd));
  if (match === null) return 'malformed-status-line';
  const reason = match[3] ?? '';
  if (reason !== '' && !consistsOf(reason, fieldValueChars)) return 'malformed-status-line';
  const minorVersion = match[1] === '1' ? 1 : 0;
  const status = Number(match[2]);
  const fields = parseFieldLines(text, lineEnd + 2, maxFields);
  if (typeof fields === 'string') return fields;
  const framing = isBodyless(status, method) ? noBody : responseFraming(fields, minorVersion);
  if (typeof framing === 'string') return framing;
  let connection = noConnectionOptions;
  let keepAliveSeconds = -1;
  for (const field of fields) {
    if (field.disguised) continue;
    if (field.id === Field.connection) connection = readConnectionOptions(field.value, connection);
    else if (field.id === Field.keepAlive) {
      const timeout = KEEP_ALIVE_TIMEOUT.exec(field.value);
      if (timeout !== null) keepAliveSeconds = Number(timeout[1]);
    }
  }
  const persistent =
    (minorVersion === 1 ? !connection.close : connection.keepAlive && !connection.close) &&
    framing.kind !== 'until-close' &&
    !(framing.kind === 'chunked' && hasField(fields, Field.contentLength));
  return { text, status, reason, minorVersion, fields, framing, connection, persistent, keepAliveSeconds };
}

/** RFC 9112 6.3: these responses end with their head, whatever their fields say. */
function isBodyless(status: number, method: string): boolean {
  return method === 'HEAD' || status < 200 || status === 204 || status === 304;
}
