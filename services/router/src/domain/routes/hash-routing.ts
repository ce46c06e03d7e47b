import type { FieldLine } from '../http/field-lines.ts';
import type { Endpoint } from './endpoint.ts';

/** A route whose requests of one header value go to one instance (RFC-0042). */
export interface HashRouting {
  /** Lower-case. */
  readonly header: string;
  /** An instance with more than so many times the mean of unanswered requests is passed over; 0: none is. */
  readonly balance: number;
}

/** A field name that HTTP allows (RFC 9110, 5.1). */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;

/** Undefined when the options make no sense. */
export function readHashRouting(header: string | undefined, balance = 0): HashRouting | undefined {
  if (header === undefined || !FIELD_NAME.test(header) || !(balance >= 0)) return undefined;
  return { header: header.toLowerCase(), balance };
}

/** What a request is told apart by; undefined when it has no such field, or an empty one. */
export function hashKeyOf(fields: readonly FieldLine[], { header }: HashRouting): string | undefined {
  const field = fields.find(({ name, disguised }) => !disguised && name.toLowerCase() === header);
  return field === undefined || field.value === '' ? undefined : field.value;
}

/**
 * The instances in the order in which a key prefers them (rendezvous hashing): when one comes or goes only its own keys
 * move, and every router comes to the same order without a table.
 */
export function preferenceOf(key: string, endpoints: readonly Endpoint[]): Endpoint[] {
  return endpoints
    .map((endpoint) => ({ endpoint, weight: weightOf(key, endpoint.spec.instanceId || endpoint.spec.address) }))
    .sort((a, b) => b.weight - a.weight || (a.endpoint.spec.address < b.endpoint.spec.address ? -1 : 1))
    .map(({ endpoint }) => endpoint);
}

/** Has more than its share of what is under way. */
export function isOverloaded(endpoint: Endpoint, endpoints: readonly Endpoint[], { balance }: HashRouting): boolean {
  if (balance === 0) return false;
  const waiting = endpoints.reduce((sum, { backend }) => sum + backend.waiting, 0);
  return waiting > 0 && (endpoint.backend.waiting * endpoints.length) / waiting > balance;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a of both, mixed (MurmurHash3's finalizer) so that names that differ in a digit weigh nothing alike. */
function weightOf(key: string, instance: string): number {
  let hash = FNV_OFFSET;
  for (const text of [key, '\0', instance]) {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
