import { Field } from './http/field-names.ts';
import { hasField } from './http/framing.ts';
import type { RequestHead } from './http/request-head.ts';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** True when sending the request twice does no harm (Go's `isReplayable`). */
export function isReplayable(request: RequestHead): boolean {
  if (request.framing.kind !== 'none' || request.upgrade !== '') return false;
  return (
    SAFE_METHODS.has(request.method) ||
    hasField(request.fields, Field.idempotencyKey) ||
    hasField(request.fields, Field.xIdempotencyKey)
  );
}
