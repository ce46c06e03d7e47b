import { PROCESS_ROWS } from './process-rows.ts';
import type { Row } from './row.ts';
import { RUNTIME_ROWS } from './runtime-rows.ts';
import { UNUSED_ROWS } from './unused-rows.ts';

/** Each field of an image config; docs/conformance.md is made from this, and each case is played. */
export const CONFORMANCE_ROWS: readonly Row[] = [...PROCESS_ROWS, ...RUNTIME_ROWS, ...UNUSED_ROWS];
