import type { Flag, Resource } from './columns.ts';

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
