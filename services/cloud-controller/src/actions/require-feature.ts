import { loadFeatureFlag } from '../adapters/sql/feature-flag-rows.ts';
import type { Sql } from '../adapters/sql/schema.ts';
import { type FeatureFlagName, featureDisabled } from '../domain/feature-flags.ts';
import { ApiError } from '../errors.ts';

/** Throws 403 FeatureDisabled when the flag is off for this caller. */
export async function requireFeature(
  sql: Sql,
  name: FeatureFlagName,
  caller: { readonly admin: boolean },
): Promise<void> {
  const disabled = featureDisabled(await loadFeatureFlag(sql, name), caller.admin);
  if (disabled !== undefined) throw new ApiError('FeatureDisabled', disabled);
}
