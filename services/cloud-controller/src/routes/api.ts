import type { Api, ApiContext } from './api-context.ts';
import { appEnvironmentRoutes } from './app-environment.ts';
import { appFeatureRoutes } from './app-features.ts';
import { appRoutes } from './apps.ts';
import { auditEventRoutes } from './audit-events.ts';
import { authenticate } from './authentication.ts';
import { buildRoutes } from './builds.ts';
import { cellRoutes } from './cells.ts';
import { currentDropletRoutes } from './current-droplet.ts';
import { deploymentRoutes } from './deployments.ts';
import { domainSharingRoutes } from './domain-sharing.ts';
import { domainRoutes } from './domains.ts';
import { dropletRoutes } from './droplets.ts';
import { emptyListRoutes } from './empty-lists.ts';
import { environmentGroupRoutes } from './environment-groups.ts';
import { featureFlagRoutes } from './feature-flags.ts';
import { isolationSegmentRoutes } from './isolation-segments.ts';
import { jobRoutes } from './jobs.ts';
import { logAccessRoutes } from './log-access.ts';
import { manifestRoutes } from './manifests.ts';
import { networkPolicyRoutes } from './network-policies.ts';
import { openApiRoutes } from './openapi/openapi-routes.ts';
import { routesOf } from './openapi/routes-of.ts';
import { organizationQuotaRoutes } from './organization-quotas.ts';
import { organizationRoutes } from './organizations.ts';
import { packageRoutes } from './packages.ts';
import { processRoutes } from './processes.ts';
import { registryCredentialsRoutes } from './registry-credentials.ts';
import { resourcePermissionRoutes } from './resource-permissions.ts';
import { revisionRoutes } from './revisions.ts';
import { roleRoutes } from './roles.ts';
import { rootRoutes } from './root.ts';
import { routeDestinationRoutes } from './route-destinations.ts';
import { routeSharingRoutes } from './route-sharing.ts';
import { routeRoutes } from './routes.ts';
import { securityGroupRoutes } from './security-groups.ts';
import { createServer, type ServerOptions } from './server.ts';
import { serviceBindingRoutes } from './service-bindings.ts';
import { serviceInstanceSharingRoutes } from './service-instance-sharing.ts';
import { serviceInstanceRoutes } from './service-instances.ts';
import { sidecarRoutes } from './sidecars.ts';
import { signaturePolicyRoutes } from './signature-policies.ts';
import { spaceFeatureRoutes } from './space-features.ts';
import { spaceQuotaRoutes } from './space-quotas.ts';
import { spaceRoutes } from './spaces.ts';
import { sshAccessRoutes } from './ssh-access.ts';
import { taskRoutes } from './tasks.ts';
import { unsupportedRoutes } from './unsupported.ts';
import { usageEventRoutes } from './usage-events.ts';
import { usageSummaryRoutes } from './usage-summaries.ts';
import { userRoutes } from './users.ts';

/** Everything behind a token. */
const resources = [
  organizationRoutes,
  organizationQuotaRoutes,
  spaceQuotaRoutes,
  isolationSegmentRoutes,
  signaturePolicyRoutes,
  securityGroupRoutes,
  spaceRoutes,
  spaceFeatureRoutes,
  userRoutes,
  roleRoutes,
  domainRoutes,
  domainSharingRoutes,
  appRoutes,
  appEnvironmentRoutes,
  appFeatureRoutes,
  currentDropletRoutes,
  processRoutes,
  sidecarRoutes,
  packageRoutes,
  buildRoutes,
  dropletRoutes,
  routeRoutes,
  routeDestinationRoutes,
  routeSharingRoutes,
  networkPolicyRoutes,
  featureFlagRoutes,
  environmentGroupRoutes,
  manifestRoutes,
  deploymentRoutes,
  revisionRoutes,
  taskRoutes,
  auditEventRoutes,
  usageEventRoutes,
  usageSummaryRoutes,
  emptyListRoutes,
  registryCredentialsRoutes,
  serviceInstanceRoutes,
  serviceInstanceSharingRoutes,
  resourcePermissionRoutes,
  serviceBindingRoutes,
  unsupportedRoutes,
  jobRoutes,
  logAccessRoutes,
  sshAccessRoutes,
  cellRoutes,
] as const;

/** The API, ready to listen or to be asked in process. */
export async function createApi(context: ApiContext, options: ServerOptions): Promise<Api> {
  const api = createServer(options);
  const routes = routesOf(api);
  rootRoutes(api, context);
  openApiRoutes(api, context, routes);
  await api.register(async (scope) => {
    const authenticated = scope as Api;
    authenticate(authenticated, context);
    for (const register of resources) register(authenticated, context);
  });
  await api.ready();
  return api;
}
