import type { Generated } from 'kysely';
import type { Encrypted, Flag, Resource, Time } from './columns.ts';

export interface Apps extends Resource {
  name: string;
  space_guid: string;
  /** That of the space. */
  organization_guid: string;
  desired_state: 'STARTED' | 'STOPPED';
  lifecycle_type: 'docker';
  /** JSON object. */
  environment_variables: Encrypted;
  /** The current droplet. */
  droplet_guid: string | null;
  ssh_enabled: Generated<Flag>;
  revisions_enabled: Generated<Flag>;
  /** Services reach the app as files, as Kubernetes has them; never both of these. */
  service_binding_k8s_enabled: Generated<Flag>;
  /** VCAP_SERVICES reaches the app as a file. */
  file_based_vcap_services_enabled: Generated<Flag>;
  /** The image's HEALTHCHECK counts where a process has no check of its own. */
  image_health_check_enabled: Generated<Flag>;
  /** Tasks are numbered from 1, and no number is given twice. */
  last_task_sequence_id: Generated<number>;
}

export interface Processes extends Resource {
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
export interface RunInfos {
  process_guid: string;
  version: string;
  /** JSON, see domain/lrp/run-info.ts. */
  run_info: Encrypted;
  droplet_guid: string;
  /** The public key that credentials in it are sealed to. */
  sealed_to: string;
}

/** Instances that a user asked to have replaced. */
export interface RetiredInstances {
  id: Generated<number>;
  process_guid: string;
  instance_guid: string;
  created_at: Time;
}

export interface Packages extends Resource {
  app_guid: string;
  type: 'docker';
  state: 'READY';
  image: string;
  username: string | null;
  password: Encrypted | null;
}

export interface Builds extends Resource {
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

export interface Droplets extends Resource {
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

export interface Routes extends Resource {
  host: string;
  path: string;
  space_guid: string;
  domain_guid: string;
  /** JSON object, see domain/names/route-options.ts. */
  options: Generated<string>;
}

/** Other spaces, to whose apps a route may lead too. */
export interface RouteSpaces {
  route_guid: string;
  space_guid: string;
}

export interface RouteDestinations extends Resource {
  route_guid: string;
  app_guid: string;
  process_type: string;
  /** Null: the process's first port. */
  port: number | null;
  protocol: 'http1' | 'http2';
}

/** What instances of one app may reach at those of another, or of the same. */
export interface NetworkPolicies {
  id: Generated<number>;
  source_guid: string;
  destination_guid: string;
  protocol: 'tcp' | 'udp';
  start_port: number;
  end_port: number;
  created_at: Time;
}

export interface Deployments extends Resource {
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

export interface Revisions extends Resource {
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
export interface Sidecars extends Resource {
  app_guid: string;
  name: string;
  command: string;
  /** Its share of the process's memory; null: none of its own. */
  memory_mb: number | null;
}

export interface SidecarProcessTypes {
  sidecar_guid: string;
  type: string;
}

export interface Tasks extends Resource {
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
export interface ServiceInstances extends Resource {
  name: string;
  space_guid: string;
  /** JSON object. */
  credentials: Encrypted;
  /** JSON array. */
  tags: string;
}

export interface ServiceBindings extends Resource {
  name: string | null;
  app_guid: string;
  service_instance_guid: string;
}
