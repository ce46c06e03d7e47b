import type { Flow } from '../cli/flow.ts';
import { artifacts } from './artifacts.ts';
import { canary, revisions, rolling, rollingFailure } from './deployments.ts';
import { gettingIn } from './getting-in.ts';
import { logs } from './logs.ts';
import { networkPolicies } from './network-policies.ts';
import { platformSettings } from './platform.ts';
import { pushFlags, pushGuarded } from './push-flags.ts';
import { manifestRoundTrip, pushManifests, sidecars } from './push-manifests.ts';
import { roles } from './roles.ts';
import { domains, routeExtras, routes } from './routes.ts';
import { lifeCycle, settings } from './running.ts';
import { securityGroups } from './security-groups.ts';
import { serviceKeys, services } from './services.ts';
import { ssh } from './ssh.ts';
import { tasks } from './tasks.ts';
import { isolation, quotas, tenancy } from './tenancy.ts';
import { unsupported } from './unsupported.ts';

/** All flows; those that take longest first. */
export const flows: readonly Flow[] = [
  pushFlags,
  canary,
  rolling,
  lifeCycle,
  rollingFailure,
  roles,
  quotas,
  pushManifests,
  revisions,
  manifestRoundTrip,
  artifacts,
  services,
  settings,
  ssh,
  isolation,
  tasks,
  logs,
  sidecars,
  pushGuarded,
  platformSettings,
  routes,
  domains,
  securityGroups,
  networkPolicies,
  unsupported,
  gettingIn,
  tenancy,
  routeExtras,
  serviceKeys,
];
