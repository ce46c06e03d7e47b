/** Names that the router reads, sets or drops. Every other name is `Field.other` and passes through untouched. */
export const Field = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  expect: 5,
  upgrade: 6,
  te: 7,
  keepAlive: 8,
  proxyConnection: 9,
  proxyAuthenticate: 10,
  proxyAuthorization: 11,
  http2Settings: 12,
  date: 13,
  cookie: 14,
  setCookie: 15,
  userAgent: 16,
  referer: 17,
  idempotencyKey: 18,
  xIdempotencyKey: 19,
  xForwardedFor: 20,
  xForwardedProto: 21,
  xRequestStart: 22,
  xVcapRequestId: 23,
  xCfApplicationId: 24,
  xCfInstanceId: 25,
  xCfInstanceIndex: 26,
  xCfAppInstance: 27,
  xCfProcessInstance: 28,
  xCfProxySignature: 29,
  authorization: 30,
} as const;
export type FieldId = (typeof Field)[keyof typeof Field];

const names: readonly (readonly [string, FieldId])[] = [
  ['host', Field.host],
  ['connection', Field.connection],
  ['content-length', Field.contentLength],
  ['transfer-encoding', Field.transferEncoding],
  ['expect', Field.expect],
  ['upgrade', Field.upgrade],
  ['te', Field.te],
  ['keep-alive', Field.keepAlive],
  ['proxy-connection', Field.proxyConnection],
  ['proxy-authenticate', Field.proxyAuthenticate],
  ['proxy-authorization', Field.proxyAuthorization],
  ['http2-settings', Field.http2Settings],
  ['date', Field.date],
  ['cookie', Field.cookie],
  ['set-cookie', Field.setCookie],
  ['user-agent', Field.userAgent],
  ['referer', Field.referer],
  ['idempotency-key', Field.idempotencyKey],
  ['x-idempotency-key', Field.xIdempotencyKey],
  ['x-forwarded-for', Field.xForwardedFor],
  ['x-forwarded-proto', Field.xForwardedProto],
  ['x-request-start', Field.xRequestStart],
  ['x-vcap-request-id', Field.xVcapRequestId],
  ['x-cf-applicationid', Field.xCfApplicationId],
  ['x-cf-instanceid', Field.xCfInstanceId],
  ['x-cf-instanceindex', Field.xCfInstanceIndex],
  ['x-cf-app-instance', Field.xCfAppInstance],
  ['x-cf-process-instance', Field.xCfProcessInstance],
  ['x-cf-proxy-signature', Field.xCfProxySignature],
  ['authorization', Field.authorization],
];

// By length: at most five names share one, so that finding a name costs a comparison or two and no allocation.
const byLength: (readonly (readonly [string, FieldId])[])[] = [];
for (const entry of names) {
  const length = entry[0].length;
  byLength[length] = [...(byLength[length] ?? []), entry];
}

const UNDERSCORE = 0x5f;
const HYPHEN = 0x2d;

/**
 * The id of the name at `text[start, end)`. Letter case is ignored, and `_` counts as `-`: CGI-style servers (WSGI, Rack,
 * PHP) read both as one name, so that `X_Forwarded_For` would pass for the router's own field.
 */
export function fieldIdOf(text: string, start: number, end: number): FieldId {
  const candidates = byLength[end - start];
  if (candidates === undefined) return Field.other;
  for (const [name, id] of candidates) {
    if (matches(text, start, name)) return id;
  }
  return Field.other;
}

function matches(text: string, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    let code = text.charCodeAt(start + i);
    if (code >= 0x41 && code <= 0x5a) code += 0x20;
    else if (code === UNDERSCORE) code = HYPHEN;
    if (code !== name.charCodeAt(i)) return false;
  }
  return true;
}
