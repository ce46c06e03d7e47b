import type { AppRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { type AppFeature, featureProblem, type StoredFeatures } from '../domain/app-features.ts';
import { unprocessable } from '../errors.ts';
import { auditApp } from './audit.ts';
import { lockApp } from './rows.ts';

const columns = {
  ssh: 'ssh_enabled',
  revisions: 'revisions_enabled',
  'service-binding-k8s': 'service_binding_k8s_enabled',
  'file-based-vcap-services': 'file_based_vcap_services_enabled',
  'image-health-check': 'image_health_check_enabled',
} as const satisfies Readonly<Record<AppFeature, keyof AppRow>>;

export function featuresOf(app: AppRow): StoredFeatures {
  return {
    ssh: app.ssh_enabled === 1,
    revisions: app.revisions_enabled === 1,
    'service-binding-k8s': app.service_binding_k8s_enabled === 1,
    'file-based-vcap-services': app.file_based_vcap_services_enabled === 1,
    'image-health-check': app.image_health_check_enabled === 1,
  };
}

/** What runs follows at its next restart; SSH at once, for who logs in from then on. Throws 404, 422. */
export async function setFeatures(
  unit: UnitOfWork,
  appGuid: string,
  change: Partial<StoredFeatures>,
): Promise<StoredFeatures> {
  const app = await lockApp(unit, appGuid);
  const features = { ...featuresOf(app), ...change };
  const problem = featureProblem(features);
  if (problem !== undefined) throw unprocessable(problem);
  const flags = Object.entries(change).map(([name, enabled]) => [columns[name as AppFeature], enabled ? 1 : 0]);
  if (flags.length === 0) return features;
  await unit.sql
    .updateTable('apps')
    .set({ ...Object.fromEntries(flags), updated_at: unit.now })
    .where('guid', '=', app.guid)
    .execute();
  await auditApp(unit, app, 'update', { request: { features: change } });
  return features;
}
