import type { Generated } from 'kysely';
import type { Encrypted, Flag, Resource, Time } from './columns.ts';

export interface AuditEvents extends Resource {
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
export interface AppUsageEvents extends Resource {
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

export interface ServiceUsageEvents extends Resource {
  state: string;
  service_instance_guid: string;
  service_instance_name: string;
  space_guid: string;
  space_name: string;
  organization_guid: string;
}

export interface EnvironmentVariableGroups {
  name: string;
  /** JSON object. */
  variables: Encrypted;
  updated_at: Time;
}

export interface FeatureFlags {
  name: string;
  enabled: Flag;
  custom_error_message: string | null;
  updated_at: Time;
}

export interface SecurityGroups extends Resource {
  name: string;
  /** JSON array. */
  rules: string;
  globally_running: Flag;
  globally_staging: Flag;
}

export interface SecurityGroupSpaces {
  lifecycle: 'running' | 'staging';
  security_group_guid: string;
  space_guid: string;
}

export interface Jobs extends Resource {
  operation: string;
  state: 'PROCESSING' | 'COMPLETE' | 'FAILED';
  /** JSON arrays. */
  errors: string;
  warnings: string;
}

/** Labels and annotations of every kind of resource. */
export interface MetadataEntries {
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
export interface Outbox {
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
export interface UnscrubbedTables {
  name: string;
}
