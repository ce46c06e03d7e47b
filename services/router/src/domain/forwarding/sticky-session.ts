import type { FieldLine } from '../http/field-lines.ts';
import { Field } from '../http/field-names.ts';
import type { EndpointSpec } from '../routes/endpoint.ts';
import { parseSetCookie, requestCookies, type SetCookie } from './cookies.ts';

/** Gorouter's: holds the instance that a client's session lives on. */
const INSTANCE_COOKIE = '__VCAP_ID__';

export interface StickySettings {
  /** Cookies by which apps hold sessions. */
  readonly cookieNames: ReadonlySet<string>;
  /** Mark the instance cookie Secure even when the app's is not. */
  readonly secureCookies: boolean;
}

/** The instance that the request asks to go to: only with a session cookie of the app's beside it. Empty: any. */
export function stickyInstance(fields: readonly FieldLine[], settings: StickySettings): string {
  const cookies = requestCookies(fields);
  const instance = cookies?.get(INSTANCE_COOKIE);
  if (cookies === undefined || instance === undefined) return '';
  for (const name of settings.cookieNames) {
    if (cookies.has(name)) return instance;
  }
  return '';
}

/**
 * The value of the Set-Cookie field to add to a response, or empty: when the app begins or ends a session, and when
 * another instance than the wanted one has answered.
 *
 * @param wanted what `stickyInstance` gave for the request
 */
export function stickyCookie(
  wanted: string,
  responseFields: readonly FieldLine[],
  spec: EndpointSpec,
  contextPath: string,
  settings: StickySettings,
): string {
  if (spec.instanceId === '') return '';
  let session: SetCookie | undefined;
  for (const field of responseFields) {
    if (field.id !== Field.setCookie || field.disguised) continue;
    const cookie = parseSetCookie(field.value);
    if (cookie.name === INSTANCE_COOKIE) return '';
    if (settings.cookieNames.has(cookie.name)) session ??= cookie;
  }
  if (session === undefined && (wanted === '' || wanted === spec.instanceId || wanted === spec.address)) return '';
  // A `;` in the route's path would begin another attribute.
  let value = `${INSTANCE_COOKIE}=${spec.instanceId}; Path=${contextPath.split(';', 1)[0]}`;
  if (session !== undefined && session.expires !== '') value += `; Expires=${session.expires}`;
  // A session that ends takes the instance with it; one that lasts does not pin its user for as long.
  if (session?.maxAge !== undefined && session.maxAge < 0) value += `; Max-Age=${session.maxAge}`;
  value += '; HttpOnly';
  if (settings.secureCookies || session?.secure === true) value += '; Secure';
  if (session !== undefined && session.sameSite !== '') value += `; SameSite=${session.sameSite}`;
  if (session?.partitioned === true) value += '; Partitioned';
  return value;
}
