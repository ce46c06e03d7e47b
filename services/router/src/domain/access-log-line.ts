import type { AccessRecord } from './access-record.ts';
import type { ForwardedProtoMode } from './forwarding/request-head-out.ts';
import type { FieldLine } from './http/field-lines.ts';
import { Field, type FieldId } from './http/field-names.ts';

/** Gorouter's limits, so that one request's fields cannot fill the log. */
const MAX_FIELD_CHARS = 1_000;
const MAX_TARGET_CHARS = 20_000;

/** The line of Gorouter's access log for a request (`accesslog/schema/access_log_record.go`). */
export function accessLogLine(record: AccessRecord, forwardedProto: ForwardedProtoMode): string {
  const { request, endpoint, status } = record;
  const { fields } = request;
  const target = clip(request.target, MAX_TARGET_CHARS);
  // When the request reached a backend the log shows what the backend was sent.
  const isForwarded = endpoint !== undefined;
  const ip = record.remoteAddress.replace(/:[0-9]+$/, '').replace(/^\[|\]$/g, '');
  const forwardedFor = [...valuesOf(fields, Field.xForwardedFor), ...(isForwarded ? [ip] : [])].join(', ');
  const sentProto = valuesOf(fields, Field.xForwardedProto).join(', ');
  const setProto = forwardedProto === 'https' ? 'https' : 'http';
  const proto = isForwarded && (sentProto === '' || forwardedProto !== 'keep') ? setProto : sentProto;
  return [
    `${request.host} - [${timestamp(record.receivedAt)}]`,
    quote(`${request.method} ${target} HTTP/1.${request.minorVersion}`),
    status === 0 ? '"-"' : status,
    record.requestBytes,
    record.responseBytes,
    quote(clip(firstOf(fields, Field.referer), MAX_FIELD_CHARS)),
    quote(clip(firstOf(fields, Field.userAgent), MAX_FIELD_CHARS)),
    quote(record.remoteAddress),
    quote(endpoint?.address ?? ''),
    `x_forwarded_for:${quote(clip(forwardedFor, MAX_FIELD_CHARS))}`,
    `x_forwarded_proto:${quote(clip(proto, MAX_FIELD_CHARS))}`,
    `vcap_request_id:${quote(record.requestId)}`,
    `response_time:${seconds(record.totalMs)}`,
    `gorouter_time:${seconds(record.routerMs)}`,
    `app_id:${quote(endpoint?.appId ?? '')}`,
    `app_index:${quote(endpoint?.instanceIndex ?? '')}`,
    `instance_id:${quote(endpoint?.instanceId ?? '')}`,
    `x_cf_routererror:${quote(record.routerError)}`,
  ].join(' ');
}

function valuesOf(fields: readonly FieldLine[], id: FieldId): string[] {
  return fields.filter((field) => field.id === id && !field.disguised).map((field) => field.value);
}

function firstOf(fields: readonly FieldLine[], id: FieldId): string {
  return valuesOf(fields, id)[0] ?? '';
}

/** JSON's escapes: no value can end the quotes or the line. */
function quote(value: string): string {
  return value === '' ? '"-"' : JSON.stringify(value);
}

function clip(value: string, max: number): string {
  return value.length > max ? `${value.slice(0, max)}...TRUNCATED` : value;
}

/** Go's layout has nanoseconds; the clock has milliseconds. */
function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000000Z');
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(6);
}
