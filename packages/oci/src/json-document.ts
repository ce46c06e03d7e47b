import type { z } from 'zod';
import { OciError } from './errors.ts';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The JSON object in these bytes. @throws OciError DOCUMENT_MALFORMED */
export function parseJsonObject(bytes: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(strictUtf8.decode(bytes));
  } catch (cause) {
    throw new OciError('DOCUMENT_MALFORMED', `the ${what} is not JSON in UTF-8`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new OciError('DOCUMENT_MALFORMED', `the ${what} is not a JSON object`);
  }
  return value as Record<string, unknown>;
}

/** Checks a document against its schema; the error names the first field that is wrong. @throws OciError DOCUMENT_MALFORMED */
export function checkShape<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    const path = issue?.path.map(String).join('.').slice(0, 200);
    throw new OciError(
      'DOCUMENT_MALFORMED',
      `the ${what} is malformed${path ? ` at "${path}"` : ''}: ${issue?.message ?? 'unknown reason'}`,
      { details: { path } },
    );
  }
  return result.data;
}
