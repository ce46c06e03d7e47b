import type { Delivery } from '../http/create-body-scanner.ts';
import type { FieldLine } from '../http/field-lines.ts';
import { Field } from '../http/field-names.ts';
import type { Framing } from '../http/framing.ts';
import type { RequestHead } from '../http/request-head.ts';
import type { ResponseHead } from '../http/response-head.ts';
import { FieldFilter, hopByHopFields } from './field-filter.ts';

const filter = new FieldFilter([...hopByHopFields, Field.xCfProxySignature]);

export interface ResponseFacts {
  readonly requestId: string;
  /** The router wants this to be the connection's last response. */
  readonly mustClose: boolean;
  /** Value of a Set-Cookie field of the router's own; empty: none. */
  readonly stickyCookie: string;
  /** IMF-fixdate, for responses without Date (RFC 9110 6.6.1). */
  readonly date: string;
}

export interface ResponseOut {
  readonly head: string;
  readonly delivery: Delivery;
  /** The connection closes after the response. */
  readonly closes: boolean;
}

/** What the client is sent for a backend's final response (not 1xx). */
export function responseHeadOut(request: RequestHead, response: ResponseHead, facts: ResponseFacts): ResponseOut {
  const { framing, fields } = response;
  const old = request.minorVersion === 0;
  const delivery = deliveryFor(framing, old);
  const endsWithConnection = old && (framing.kind === 'chunked' || framing.kind === 'until-close');
  const closes =
    facts.mustClose || endsWithConnection || request.connection.close || (old && !request.connection.keepAlive);

  let head = statusLine(response);
  head += filter.keep(response.text, fields, response.connection.named, framingFilter(response, old));
  let hasDate = false;
  let hasRequestId = false;
  for (const field of fields) {
    if (field.disguised) continue;
    if (field.id === Field.date) hasDate = true;
    else if (field.id === Field.xVcapRequestId) hasRequestId = true;
  }
  if (delivery === 'chunks') head += 'Transfer-Encoding: chunked\r\n';
  if (!hasDate) head += `Date: ${facts.date}\r\n`;
  if (!hasRequestId) head += `X-Vcap-Request-Id: ${facts.requestId}\r\n`;
  if (facts.stickyCookie !== '') head += `Set-Cookie: ${facts.stickyCookie}\r\n`;
  if (closes) head += 'Connection: close\r\n';
  else if (old) head += 'Connection: keep-alive\r\n';
  return { head: `${head}\r\n`, delivery, closes };
}

/** An interim response (RFC 9110 15.2), or the one that switches protocols, which keeps its upgrade fields. */
export function interimHeadOut(response: ResponseHead): string {
  const kept = filter.keep(response.text, response.fields, response.connection.named, framingFilter(response, false));
  if (response.status !== 101) return `${statusLine(response)}${kept}\r\n`;
  const protocol = response.fields.find((field) => field.id === Field.upgrade && !field.disguised)?.value ?? '';
  return `${statusLine(response)}${kept}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
}

function deliveryFor(framing: Framing, old: boolean): Delivery {
  if (framing.kind === 'chunked') return old ? 'payload' : 'as-is';
  return framing.kind === 'until-close' && !old ? 'chunks' : 'as-is';
}

/** One length or one coding, and only where it tells the truth. */
function framingFilter({ status, framing }: ResponseHead, old: boolean): (field: FieldLine) => boolean {
  const never = status < 200 || status === 204;
  let seenLength = never || framing.kind === 'chunked';
  let seenCoding = never || old || framing.kind === 'length';
  return ({ id }) => {
    if (id === Field.contentLength) {
      const drop = seenLength;
      seenLength = true;
      return drop;
    }
    if (id !== Field.transferEncoding) return false;
    const drop = seenCoding;
    seenCoding = true;
    return drop;
  };
}

function statusLine({ status, reason }: ResponseHead): string {
  return `HTTP/1.1 ${status} ${reason}\r\n`;
}
