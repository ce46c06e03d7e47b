import type { FieldLine } from '../http/field-lines.ts';
import { Field } from '../http/field-names.ts';

/** The cookies of a request (RFC 6265 4.2); of two with one name the first counts, as browsers put the nearer first. */
export function requestCookies(fields: readonly FieldLine[]): Map<string, string> | undefined {
  let cookies: Map<string, string> | undefined;
  for (const field of fields) {
    if (field.id !== Field.cookie || field.disguised) continue;
    cookies ??= new Map();
    for (const pair of field.value.split(';')) {
      const equals = pair.indexOf('=');
      if (equals < 0) continue;
      const name = pair.slice(0, equals).trim();
      if (!cookies.has(name)) cookies.set(name, unquote(pair.slice(equals + 1).trim()));
    }
  }
  return cookies;
}

/** What a response's Set-Cookie line says, as far as a cookie that lives along with it needs to know. */
export interface SetCookie {
  readonly name: string;
  readonly secure: boolean;
  readonly partitioned: boolean;
  readonly sameSite: string;
  readonly expires: string;
  /** Max-Age; undefined when absent or no number. */
  readonly maxAge: number | undefined;
}

export function parseSetCookie(value: string): SetCookie {
  const [pair = '', ...attributes] = value.split(';');
  let cookie: SetCookie = {
    name: (pair.split('=', 1)[0] ?? '').trim(),
    secure: false,
    partitioned: false,
    sameSite: '',
    expires: '',
    maxAge: undefined,
  };
  for (const attribute of attributes) {
    const equals = attribute.indexOf('=');
    const key = (equals < 0 ? attribute : attribute.slice(0, equals)).trim().toLowerCase();
    const text = equals < 0 ? '' : attribute.slice(equals + 1).trim();
    if (key === 'secure') cookie = { ...cookie, secure: true };
    else if (key === 'partitioned') cookie = { ...cookie, partitioned: true };
    else if (key === 'samesite') cookie = { ...cookie, sameSite: text };
    else if (key === 'expires') cookie = { ...cookie, expires: text };
    else if (key === 'max-age' && /^-?[0-9]{1,15}$/.test(text)) cookie = { ...cookie, maxAge: Number(text) };
  }
  return cookie;
}

function unquote(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}
