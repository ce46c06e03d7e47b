/** What can be switched on for an app, in the order in which Cloud Foundry lists it. */
export const appFeatures = {
  ssh: 'Enable SSHing into the app.',
  revisions: 'Enable versioning of an application',
  'service-binding-k8s': 'Enable k8s service bindings for the app',
  'file-based-vcap-services': 'Enable file-based VCAP service bindings for the app',
  /** Slipway's own. */
  'image-health-check': 'Use the HEALTHCHECK of the image where a process has no health check of its own',
} as const;

export type AppFeature = keyof typeof appFeatures;

export type StoredFeatures = Readonly<Record<AppFeature, boolean>>;

/** Undefined when these may be on together (cloud_controller_ng `app_feature_update.rb`). */
export function featureProblem(features: StoredFeatures): string | undefined {
  if (!features['service-binding-k8s'] || !features['file-based-vcap-services']) return undefined;
  return "'file-based-vcap-services' and 'service-binding-k8s' features cannot be enabled at the same time.";
}
