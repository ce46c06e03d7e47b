import type { Kysely, Selectable, Transaction } from 'kysely';
import type {
  Apps,
  Builds,
  Deployments,
  Droplets,
  NetworkPolicies,
  Packages,
  Processes,
  RetiredInstances,
  Revisions,
  RouteDestinations,
  RouteSpaces,
  Routes,
  RunInfos,
  ServiceBindings,
  ServiceInstances,
  SidecarProcessTypes,
  Sidecars,
  Tasks,
} from './app-tables.ts';
import type {
  AppUsageEvents,
  AuditEvents,
  EnvironmentVariableGroups,
  FeatureFlags,
  Jobs,
  MetadataEntries,
  Outbox,
  SecurityGroupSpaces,
  SecurityGroups,
  ServiceUsageEvents,
  UnscrubbedTables,
} from './platform-tables.ts';
import type {
  DomainOrganizations,
  Domains,
  IsolationSegmentOrganizations,
  IsolationSegments,
  OrganizationQuotas,
  Organizations,
  RegistryCredentials,
  Roles,
  SignaturePolicies,
  SpaceQuotas,
  Spaces,
  Users,
} from './tenancy-tables.ts';

export interface Database {
  organization_quotas: OrganizationQuotas;
  organizations: Organizations;
  spaces: Spaces;
  space_quotas: SpaceQuotas;
  isolation_segments: IsolationSegments;
  isolation_segment_organizations: IsolationSegmentOrganizations;
  users: Users;
  roles: Roles;
  signature_policies: SignaturePolicies;
  domains: Domains;
  domain_organizations: DomainOrganizations;
  registry_credentials: RegistryCredentials;
  apps: Apps;
  processes: Processes;
  run_infos: RunInfos;
  retired_instances: RetiredInstances;
  packages: Packages;
  builds: Builds;
  droplets: Droplets;
  routes: Routes;
  route_spaces: RouteSpaces;
  route_destinations: RouteDestinations;
  network_policies: NetworkPolicies;
  deployments: Deployments;
  revisions: Revisions;
  tasks: Tasks;
  service_instances: ServiceInstances;
  service_bindings: ServiceBindings;
  sidecars: Sidecars;
  sidecar_process_types: SidecarProcessTypes;
  audit_events: AuditEvents;
  app_usage_events: AppUsageEvents;
  service_usage_events: ServiceUsageEvents;
  environment_variable_groups: EnvironmentVariableGroups;
  feature_flags: FeatureFlags;
  security_groups: SecurityGroups;
  security_group_spaces: SecurityGroupSpaces;
  jobs: Jobs;
  metadata_entries: MetadataEntries;
  outbox: Outbox;
  unscrubbed_tables: UnscrubbedTables;
}

export type Db = Kysely<Database>;
export type Sql = Kysely<Database> | Transaction<Database>;

export type OrganizationRow = Selectable<Organizations>;
export type OrganizationQuotaRow = Selectable<OrganizationQuotas>;
export type SpaceQuotaRow = Selectable<SpaceQuotas>;
export type IsolationSegmentRow = Selectable<IsolationSegments>;
export type SecurityGroupRow = Selectable<SecurityGroups>;
export type SpaceRow = Selectable<Spaces>;
export type UserRow = Selectable<Users>;
export type RoleRow = Selectable<Roles>;
export type DomainRow = Selectable<Domains>;
export type RegistryCredentialsRow = Selectable<RegistryCredentials>;
export type AppRow = Selectable<Apps>;
export type ProcessRow = Selectable<Processes>;
export type PackageRow = Selectable<Packages>;
export type BuildRow = Selectable<Builds>;
export type DropletRow = Selectable<Droplets>;
export type ServiceInstanceRow = Selectable<ServiceInstances>;
export type ServiceBindingRow = Selectable<ServiceBindings>;
export type SidecarRow = Selectable<Sidecars>;
export type RouteRow = Selectable<Routes>;
export type RouteDestinationRow = Selectable<RouteDestinations>;
export type DeploymentRow = Selectable<Deployments>;
export type RevisionRow = Selectable<Revisions>;
export type JobRow = Selectable<Jobs>;
export type TaskRow = Selectable<Tasks>;
