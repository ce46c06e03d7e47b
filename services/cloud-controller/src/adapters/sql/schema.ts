import type { ColumnType, Generated, Kysely, Selectable, Transaction } from 'kysely';

/** ISO 8601 UTC with milliseconds, as text: it sorts. */
type Time = string;
/** 0 or 1. */
type Flag = number;
/** Sealed by the vault; never leaves as it is. */
type Encrypted = string;

/** What every resource has. `id` gives the order of creation. */
interface Resource {
  readonly id: Generated<number>;
  readonly guid: string;
  readonly created_at: ColumnType<Time, Time, never>;
  readonly updated_at: Time;
}

interface OrganizationQuotas extends Resource {
  name: string;
  /** JSON: `apps`, `services`, `routes`, `domains` as the API shows them; null is unlimited. */
  limits: string;
}

interface Organizations extends Resource {
  name: string;
  suspended: Flag;
  quota_guid: string;
  /** What its spaces use that have none of their own. */
  isolation_segment_guid: string | null;
}

interface SpaceQuotas extends Resource {
  name: string;
  organization_guid: string;
  /** JSON: `apps`, `services`, `routes` as the API shows them; null is unlimited. */
  limits: string;
}

interface IsolationSegments extends Resource {
  /** The placement tag of its cells. */
  name: string;
}

/** Who may use a segment. */
interface IsolationSegmentOrganizations {
  segment_guid: string;
  organization_guid: string;
}

interface Spaces extends Resource {
  name: string;
  organization_guid: string;
  quota_guid: string | null;
  isolation_segment_guid: string | null;
}

/** Users that were given a role or made here; names are uaa's. */
type Users = Resource;

interface Roles extends Resource {
  type: string;
  user_guid: string;
  organization_guid: string | null;
  space_guid: string | null;
}

interface Domains extends Resource {
  name: string;
  internal: Flag;
  /** Null: shared with everyone. */
  organization_guid: string | null;
}

/** Other organizations that may use a private domain. */
interface DomainOrganizations {
  domain_guid: string;
  organization_guid: string;
}

interface Apps extends Resource {
  name: string;
  space_guid: string;
  desired_state: 'STARTED' | 'STOPPED';
  lifecycle_type: 'docker';
  /** JSON object. */
  environment_variables: Encrypted;
  /** The current droplet. */
  droplet_guid: string | null;
  revisions_enabled: Generated<Flag>;
  /** Services reach the app as files, as Kubernetes has them; never both of these. */
  service_binding_k8s_enabled: Generated<Flag>;
  /** VCAP_SERVICES reaches the app as a file. */
  file_based_vcap_services_enabled: Generated<Flag>;
  /** Tasks are numbered from 1, and no number is given twice. */
  last_task_sequence_id: Generated<number>;
}

interface Processes extends Resource {
  app_guid: string;
  type: string;
  command: string | null;
  instances: number;
  memory_mb: number;
  disk_mb: number;
  log_rate_bytes_per_second: number;
  health_check_type: 'port' | 'http' | 'process';
  health_check_endpoint: string | null;
  /** Seconds; null where the default holds. */
  health_check_timeout: number | null;
  health_check_invocation_timeout: number | null;
  health_check_interval: number | null;
  readiness_type: 'port' | 'http' | 'process';
  readiness_endpoint: string | null;
  readiness_invocation_timeout: number | null;
  readiness_interval: number | null;
  /** Null: the image's user. */
  run_as: string | null;
  /** With the guid it makes Diego's process guid. */
  version: string;
  /** What it was started as last. */
  revision_guid: string | null;
}

/** The fixed part of the desired LRP of a process's version. */
interface RunInfos {
  process_guid: string;
  version: string;
  /** JSON, see domain/lrp/run-info.ts. */
  run_info: Encrypted;
  droplet_guid: string;
  /** The public key that credentials in it are sealed to. */
  sealed_to: string;
}

/** Instances that a user asked to have replaced. */
interface RetiredInstances {
  id: Generated<number>;
  process_guid: string;
  instance_guid: string;
  created_at: Time;
}

interface Packages extends Resource {
  app_guid: string;
  type: 'docker';
  state: 'READY';
  image: string;
  username: string | null;
  password: Encrypted | null;
}

interface Builds extends Resource {
  app_guid: string;
  package_guid: string;
  state: 'STAGING' | 'STAGED' | 'FAILED';
  error_id: string | null;
  error_description: string | null;
  droplet_guid: string | null;
  staging_memory_mb: number;
  staging_disk_mb: number;
  staging_log_rate_bytes_per_second: number;
  deadline: Time;
  created_by_guid: string;
  created_by_name: string | null;
  created_by_email: string | null;
}

interface Droplets extends Resource {
  app_guid: string;
  package_guid: string | null;
  build_guid: string | null;
  state: 'STAGED';
  /** JSON: the image by digest (contracts `resolvedImageSchema`). */
  image: string;
  /** JSON: what its config says, see domain/staging/droplet-execution.ts. */
  execution: string;
  /** JSON array of `NAME=value`. */
  image_environment: Encrypted;
  username: string | null;
  password: Encrypted | null;
}

interface Routes extends Resource {
  host: string;
  path: string;
  space_guid: string;
  domain_guid: string;
  /** JSON object, see domain/names/route-options.ts. */
  options: Generated<string>;
}

/** Other spaces, to whose apps a route may lead too. */
interface RouteSpaces {
  route_guid: string;
  space_guid: string;
}

interface RouteDestinations extends Resource {
  route_guid: string;
  app_guid: string;
  process_type: string;
  /** Null: the process's first port. */
  port: number | null;
  protocol: 'http1' | 'http2';
}

interface Deployments extends Resource {
  app_guid: string;
  strategy: 'rolling' | 'canary';
  state: 'DEPLOYING' | 'PREPAUSED' | 'PAUSED' | 'CANCELING' | 'DEPLOYED' | 'CANCELED';
  status_value: 'ACTIVE' | 'FINALIZED';
  status_reason: 'DEPLOYING' | 'PAUSED' | 'CANCELING' | 'DEPLOYED' | 'CANCELED' | 'SUPERSEDED';
  status_changed_at: Time;
  last_healthy_at: Time;
  max_in_flight: number;
  /** JSON: percents of the canary steps; empty when there are none. */
  canary_weights: string;
  /** From 1. */
  canary_step: number;
  /** Web instances in the end. */
  target_instances: number;
  /** JSON: what the user asked for besides, see resources/deployment.ts. */
  scale_options: string;
  droplet_guid: string;
  previous_droplet_guid: string | null;
  /** The new web process. */
  process_guid: string;
  /** While it is cancelled: the web process to go back to. */
  kept_process_guid: string | null;
  revision_guid: string | null;
}

interface Revisions extends Resource {
  app_guid: string;
  /** From 1, of each app. */
  version: number;
  droplet_guid: string;
  /** JSON object. */
  environment_variables: Encrypted;
  /** JSON: process type to command, null where the image's runs. */
  commands: string;
  /** JSON array: name, command, memory_mb and types of each sidecar. */
  sidecars: Generated<string>;
  description: string;
}

/** What runs beside the app in every instance of some of its processes. */
interface Sidecars extends Resource {
  app_guid: string;
  name: string;
  command: string;
  /** Its share of the process's memory; null: none of its own. */
  memory_mb: number | null;
}

interface SidecarProcessTypes {
  sidecar_guid: string;
  type: string;
}

interface Tasks extends Resource {
  app_guid: string;
  /** From 1, of each app. */
  sequence_id: number;
  name: string;
  state: 'PENDING' | 'RUNNING' | 'CANCELING' | 'SUCCEEDED' | 'FAILED';
  command: Encrypted;
  /** The user in the container. */
  run_as: string;
  memory_mb: number;
  disk_mb: number;
  log_rate_bytes_per_second: number;
  droplet_guid: string;
  failure_reason: string | null;
  /** The one cell that may run it. Once it stands here it never becomes another. */
  cell_id: string | null;
  /** JSON, see domain/task/task-spec.ts. Null once it has ended. */
  spec: Encrypted | null;
  /** The public key that credentials in it are sealed to. */
  sealed_to: string;
}

/** All of them are user-provided. */
interface ServiceInstances extends Resource {
  name: string;
  space_guid: string;
  /** JSON object. */
  credentials: Encrypted;
  /** JSON array. */
  tags: string;
}

interface ServiceBindings extends Resource {
  name: string | null;
  app_guid: string;
  service_instance_guid: string;
}

interface AuditEvents extends Resource {
  type: string;
  actor_guid: string;
  actor_type: string;
  actor_name: string;
  target_guid: string;
  target_type: string;
  target_name: string;
  space_guid: string | null;
  organization_guid: string | null;
  /** JSON object. */
  data: string;
}

/** What apps use, whenever that changed. */
interface AppUsageEvents extends Resource {
  state: string;
  previous_state: string;
  app_guid: string;
  app_name: string;
  /** Null where a task is meant. */
  process_guid: string | null;
  process_type: string | null;
  task_guid: string | null;
  task_name: string | null;
  space_guid: string;
  space_name: string;
  organization_guid: string;
  /** Of each instance. */
  memory_mb: number;
  previous_memory_mb: number;
  instances: number;
  previous_instances: number;
}

interface ServiceUsageEvents extends Resource {
  state: string;
  service_instance_guid: string;
  service_instance_name: string;
  space_guid: string;
  space_name: string;
  organization_guid: string;
}

interface EnvironmentVariableGroups {
  name: string;
  /** JSON object. */
  variables: Encrypted;
  updated_at: Time;
}

interface FeatureFlags {
  name: string;
  enabled: Flag;
  custom_error_message: string | null;
  updated_at: Time;
}

interface Jobs extends Resource {
  operation: string;
  state: 'PROCESSING' | 'COMPLETE' | 'FAILED';
  /** JSON arrays. */
  errors: string;
  warnings: string;
}

/** Labels and annotations of every kind of resource. */
interface MetadataEntries {
  id: Generated<number>;
  kind: 'label' | 'annotation';
  resource_type: string;
  resource_guid: string;
  /** Its `id`, by which lists are ordered. Null: the resource was gone when the column came. */
  resource_id: number | null;
  key: string;
  value: string;
}

/** What still has to be told to the bus, see adapters/sql/outbox.ts. */
interface Outbox {
  id: Generated<number>;
  kind: string;
  /** What the kind is about: the message is made from the rows as they are when it is sent. */
  subject: string;
  created_at: Time;
  attempts: number;
  not_before: Time;
  last_error: string | null;
}

/** Tables whose pages still hold what was overwritten there, see handlers/prepare-database.ts. */
interface UnscrubbedTables {
  name: string;
}

export interface Database {
  organization_quotas: OrganizationQuotas;
  organizations: Organizations;
  spaces: Spaces;
  space_quotas: SpaceQuotas;
  isolation_segments: IsolationSegments;
  isolation_segment_organizations: IsolationSegmentOrganizations;
  users: Users;
  roles: Roles;
  domains: Domains;
  domain_organizations: DomainOrganizations;
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
export type SpaceRow = Selectable<Spaces>;
export type UserRow = Selectable<Users>;
export type RoleRow = Selectable<Roles>;
export type DomainRow = Selectable<Domains>;
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
