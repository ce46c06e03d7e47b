import type { Generated } from 'kysely';
import type { Encrypted, Flag, Resource, Time } from './columns.ts';

export interface OrganizationQuotas extends Resource {
  name: string;
  /** JSON: `apps`, `services`, `routes`, `domains` as the API shows them; null is unlimited. */
  limits: string;
}

export interface Organizations extends Resource {
  name: string;
  suspended: Flag;
  quota_guid: string;
  /** What its spaces use that have none of their own. */
  isolation_segment_guid: string | null;
}

export interface SpaceQuotas extends Resource {
  name: string;
  organization_guid: string;
  /** JSON: `apps`, `services`, `routes` as the API shows them; null is unlimited. */
  limits: string;
}

export interface IsolationSegments extends Resource {
  /** The placement tag of its cells. */
  name: string;
}

/** Who may use a segment. */
export interface IsolationSegmentOrganizations {
  segment_guid: string;
  organization_guid: string;
}

export interface Spaces extends Resource {
  name: string;
  organization_guid: string;
  quota_guid: string | null;
  isolation_segment_guid: string | null;
  ssh_allowed: Generated<Flag>;
}

/** Users that were given a role or made here; names are uaa's. */
export type Users = Resource;

export interface Roles extends Resource {
  type: string;
  user_guid: string;
  organization_guid: string | null;
  space_guid: string | null;
}

export interface Domains extends Resource {
  name: string;
  internal: Flag;
  /** Null: shared with everyone. */
  organization_guid: string | null;
}

/** Other organizations that may use a private domain. */
export interface DomainOrganizations {
  domain_guid: string;
  organization_guid: string;
}

/** A user name and password for images of a registry; of a space or of an organization. */
export interface RegistryCredentials extends Resource {
  name: string;
  /** One of these two. */
  organization_guid: string | null;
  space_guid: string | null;
  /** Neither changes: else whoever may change them could have the password sent to a registry of their own. */
  registry: string;
  /** See domain/registry-credentials/credential-scope.ts; empty: all. */
  repository_prefix: string;
  /** What is in use; null until a registry took it, or somebody insisted. */
  username: string | null;
  password: Encrypted | null;
  /** The same as it is sent to the cells: sealed to their key, so that it stays the same text as long as it is the same. */
  cell_credentials: Encrypted | null;
  /** The public key that those are sealed to. */
  sealed_to: string | null;
  /** New ones, which come into use when the registry takes them. */
  offered_username: string | null;
  offered_password: Encrypted | null;
  verification_state: 'pending' | 'verified' | 'failed';
  verification_at: Time | null;
  verification_code: string | null;
  verification_detail: string | null;
  /** Names the question that waits for an answer; null when none does. */
  check_guid: string | null;
  check_deadline: Time | null;
  /** The job that ends with the answer. */
  check_job_guid: string | null;
  /** JSON: who asked. */
  check_actor: string | null;
}

/** What an organization asks of images; none: nothing. */
export interface SignaturePolicies {
  organization_guid: string;
  updated_at: Time;
  enabled: Flag;
  match_repository: Flag;
  /** JSON: a list of `{name, publicKey}`. */
  keys: string;
}
