import {
  type FeatureFlag,
  type FeatureFlagName,
  featureFlagDefaults,
  isFeatureFlagName,
} from '../../domain/feature-flags.ts';
import type { Sql } from './schema.ts';

/** All flags in the order of their names; those that nobody set have their default. */
export async function loadFeatureFlags(sql: Sql): Promise<FeatureFlag[]> {
  const rows = await sql.selectFrom('feature_flags').selectAll().execute();
  const set = new Map(rows.map((row) => [row.name, row]));
  return Object.keys(featureFlagDefaults)
    .filter(isFeatureFlagName)
    .sort()
    .map((name) => {
      const row = set.get(name);
      return {
        name,
        enabled: row === undefined ? featureFlagDefaults[name] : row.enabled === 1,
        customErrorMessage: row?.custom_error_message ?? null,
        updatedAt: row?.updated_at ?? null,
      };
    });
}

export async function loadFeatureFlag(sql: Sql, name: FeatureFlagName): Promise<FeatureFlag> {
  const flag = (await loadFeatureFlags(sql)).find((candidate) => candidate.name === name);
  if (flag === undefined) throw new Error(`no feature flag ${name}`);
  return flag;
}

export async function saveFeatureFlag(sql: Sql, flag: FeatureFlag, now: string): Promise<void> {
  const values = { enabled: flag.enabled ? 1 : 0, custom_error_message: flag.customErrorMessage, updated_at: now };
  await sql
    .insertInto('feature_flags')
    .values({ name: flag.name, ...values })
    .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
    .execute();
}
