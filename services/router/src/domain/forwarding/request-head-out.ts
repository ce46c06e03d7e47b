import type { FieldLine } from '../http/field-lines.ts';
import { Field } from '../http/field-names.ts';
import type { Framing } from '../http/framing.ts';
import type { RequestHead } from '../http/request-head.ts';
import type { EndpointSpec } from '../routes/endpoint.ts';
import { FieldFilter, hopByHopFields } from './field-filter.ts';

/** What the client's X-Forwarded-Proto is worth: `keep` it, `sanitize` it by the connection's, or `https` always. */
export type ForwardedProtoMode = 'keep' | 'sanitize' | 'https';

export interface ClientFacts {
  /** Without port or zone. */
  readonly ip: string;
  readonly proto: 'http' | 'https';
  readonly forwardedProto: ForwardedProtoMode;
  /** X-Vcap-Request-Id. */
  readonly requestId: string;
  /** When the request came, ms since the epoch. */
  readonly receivedAt: number;
}

const filter = new FieldFilter([
  ...hopByHopFields,
  // The framing is written anew, so that the backend reads it as it was read here.
  Field.contentLength,
  Field.transferEncoding,
  Field.xForwardedFor,
  Field.xVcapRequestId,
  Field.xCfApplicationId,
  Field.xCfInstanceId,
  Field.xCfInstanceIndex,
  Field.xCfAppInstance,
]);

/** The head that the backend is sent: the client's lines, and Gorouter's fields about the client and the instance. */
export function requestHeadOut(request: RequestHead, spec: EndpointSpec, client: ClientFacts): string {
  const { text, fields, connection } = request;
  let forwardedFor = '';
  let hasProto = false;
  let hasStart = false;
  let wantsTrailers = false;
  const overwritesProto = client.forwardedProto !== 'keep';
  for (const field of fields) {
    if (field.disguised) continue;
    if (field.id === Field.xForwardedFor) forwardedFor += `${field.value}, `;
    else if (field.id === Field.xForwardedProto) hasProto = !overwritesProto;
    else if (field.id === Field.xRequestStart) hasStart = true;
    else if (field.id === Field.te) wantsTrailers ||= /\btrailers\b/i.test(field.value);
  }
  const drops = (field: FieldLine): boolean =>
    (field.id === Field.host && request.hostFromTarget) ||
    // RFC 9110 10.1.1: of HTTP/1.0 an expectation is to be ignored.
    (field.id === Field.expect && request.minorVersion === 0) ||
    (field.id === Field.xForwardedProto && overwritesProto);

  let head = `${request.method} ${request.target} HTTP/1.1\r\n`;
  if (request.hostFromTarget) head += `Host: ${request.host}\r\n`;
  head += filter.keep(text, fields, connection.named, drops);
  head += framingLine(request.framing);
  if (wantsTrailers) head += 'TE: trailers\r\n';
  if (request.upgrade !== '') head += `Connection: Upgrade\r\nUpgrade: ${request.upgrade}\r\n`;
  head += `X-Forwarded-For: ${forwardedFor}${client.ip}\r\n`;
  if (!hasProto) head += `X-Forwarded-Proto: ${client.forwardedProto === 'https' ? 'https' : client.proto}\r\n`;
  if (!hasStart) head += `X-Request-Start: ${client.receivedAt}\r\n`;
  head += `X-Vcap-Request-Id: ${client.requestId}\r\nX-CF-ApplicationID: ${spec.appId}\r\n`;
  return `${head}X-CF-InstanceID: ${spec.instanceId || spec.address}\r\nX-CF-InstanceIndex: ${spec.instanceIndex}\r\n\r\n`;
}

function framingLine(framing: Framing): string {
  if (framing.kind === 'length') return `Content-Length: ${framing.length}\r\n`;
  return framing.kind === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : '';
}
