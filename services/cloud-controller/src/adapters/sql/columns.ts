import type { ColumnType, Generated } from 'kysely';

/** ISO 8601 UTC with milliseconds, as text: it sorts. */
export type Time = string;
/** 0 or 1. */
export type Flag = number;
/** Sealed by the vault; never leaves as it is. */
export type Encrypted = string;

/** What every resource has. `id` gives the order of creation. */
export interface Resource {
  readonly id: Generated<number>;
  readonly guid: string;
  readonly created_at: ColumnType<Time, Time, never>;
  readonly updated_at: Time;
}
