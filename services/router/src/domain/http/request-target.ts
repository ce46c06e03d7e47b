import { consistsOf, hostChars, targetChars } from './char-classes.ts';

/** A request target taken apart (RFC 9112 3.2). */
export interface RequestTarget {
  /** What the backend is sent: origin form, or `*`. */
  readonly target: string;
  /** From an absolute-form target, which overrides the Host field. */
  readonly authority: string | undefined;
}

/** A name or address, and a port where there is one; what has more colons than that is read differently by everyone. */
const HOST_AND_PORT = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]]+)(:[0-9]*)?$/;

export function isHost(text: string): boolean {
  if (!consistsOf(text, hostChars)) return false;
  return (!text.includes(':') && !text.includes('[') && !text.includes(']')) || HOST_AND_PORT.test(text);
}

const ABSOLUTE = /^https?:\/\/([^/?]*)(.*)$/is;

/** Undefined when the target is of no form that a reverse proxy can serve. */
export function parseRequestTarget(method: string, text: string): RequestTarget | undefined {
  if (!consistsOf(text, targetChars)) return undefined;
  if (text.charCodeAt(0) === 0x2f) return { target: text, authority: undefined };
  if (text === '*') return method === 'OPTIONS' ? { target: text, authority: undefined } : undefined;
  const match = ABSOLUTE.exec(text);
  if (match === null) return undefined;
  const authority = match[1] ?? '';
  const rest = match[2] ?? '';
  if (!isHost(authority)) return undefined;
  if (rest.startsWith('/')) return { target: rest, authority };
  // RFC 9112 3.2.4: OPTIONS for the server as a whole has neither path nor query.
  if (rest === '' && method === 'OPTIONS') return { target: '*', authority };
  return { target: `/${rest}`, authority };
}
