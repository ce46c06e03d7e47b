/**
 * The flags there are and how they start (cloud_controller_ng `feature_flag.rb`), but for diego_docker: it is off on
 * Cloud Foundry, and on here, where images are all that runs (docs/adr/0009-docker-is-on.md).
 */
export const featureFlagDefaults = {
  user_org_creation: false,
  private_domain_creation: true,
  app_bits_upload: true,
  app_scaling: true,
  route_creation: true,
  service_instance_creation: true,
  diego_docker: true,
  diego_cnb: false,
  set_roles_by_username: true,
  unset_roles_by_username: true,
  task_creation: true,
  env_var_visibility: true,
  space_scoped_private_broker_creation: true,
  space_developer_env_var_visibility: true,
  service_instance_sharing: false,
  hide_marketplace_from_unauthenticated_users: false,
  resource_matching: true,
  route_sharing: false,
  hash_based_routing: false,
} as const satisfies Record<string, boolean>;

export type FeatureFlagName = keyof typeof featureFlagDefaults;

/** Flags whose "off" holds for administrators too. */
const bindsAdministrators: readonly FeatureFlagName[] = ['diego_docker', 'diego_cnb'];

export interface FeatureFlag {
  readonly name: FeatureFlagName;
  readonly enabled: boolean;
  readonly customErrorMessage: string | null;
  readonly updatedAt: string | null;
}

export function isFeatureFlagName(name: string): name is FeatureFlagName {
  return Object.hasOwn(featureFlagDefaults, name);
}

/** Undefined when the flag lets it pass, else what to put into `Feature Disabled: …`. */
export function featureDisabled(flag: FeatureFlag, admin: boolean): string | undefined {
  if (flag.enabled || (admin && !bindsAdministrators.includes(flag.name))) return undefined;
  return flag.customErrorMessage ?? flag.name;
}
