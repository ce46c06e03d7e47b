import { readField } from '../domain/form.ts';
import { UaaError } from '../errors.ts';

const DEFAULT_COUNT = 100;
/** UAA's `userMaxCount`. */
const MAX_COUNT = 500;

/** The page that a SCIM list asks for. */
export interface ScimPage {
  /** From 1. */
  readonly startIndex: number;
  readonly count: number;
}

/** A parameter of a SCIM list. Throws UaaError REQUEST_INVALID where it is repeated. */
export function queryField(query: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const field = readField(query, name);
  if (field.outcome === 'repeated') throw new UaaError('REQUEST_INVALID', `${name} may be given once`);
  return field.value;
}

/** Throws UaaError REQUEST_INVALID. */
export function scimPage(query: Readonly<Record<string, unknown>>): ScimPage {
  return {
    startIndex: Math.max(wholeNumber('startIndex', queryField(query, 'startIndex'), 1), 1),
    count: Math.min(wholeNumber('count', queryField(query, 'count'), DEFAULT_COUNT), MAX_COUNT),
  };
}

function wholeNumber(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (!/^-?\d{1,9}$/.test(text)) throw new UaaError('REQUEST_INVALID', `${name} is a whole number`);
  return Math.max(Number(text), 0);
}
