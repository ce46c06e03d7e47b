import { loadFeatureFlag, saveFeatureFlag } from '../adapters/sql/feature-flag-rows.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { FeatureFlag, FeatureFlagName } from '../domain/feature-flags.ts';
import { auditResource } from './audit.ts';

/** An absent message stays. */
export async function updateFeatureFlag(
  unit: UnitOfWork,
  name: FeatureFlagName,
  change: { readonly enabled: boolean; readonly customErrorMessage: string | null | undefined },
): Promise<FeatureFlag> {
  const before = await loadFeatureFlag(unit.sql, name);
  const { enabled, customErrorMessage = before.customErrorMessage } = change;
  const after = { name, enabled, customErrorMessage, updatedAt: unit.now };
  await saveFeatureFlag(unit.sql, after, unit.now);
  // Images run only while it is on.
  if (name === 'diego_docker' && before.enabled !== enabled) await unit.announce('sync', '');
  const request = { enabled, custom_error_message: customErrorMessage };
  await auditResource(unit, 'feature_flag', 'update', { guid: name, name }, { data: { request } });
  return after;
}
