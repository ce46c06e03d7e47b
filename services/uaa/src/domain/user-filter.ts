import type { Comparison, ScimFilter } from './scim-filter.ts';

/** A stored field of a user, by the name of its column. */
export type UserField =
  | 'guid'
  | 'user_name'
  | 'origin'
  | 'email'
  | 'given_name'
  | 'family_name'
  | 'active'
  | 'verified'
  | 'created_at'
  | 'updated_at';

interface FieldKind {
  readonly field: UserField;
  /** Texts are compared without regard to case, as in UAA; times are RFC 3339. */
  readonly type: 'text' | 'boolean' | 'time';
}

/** By the SCIM attribute in lower case, for attribute names have no case (RFC 7643 2.1). */
const attributes: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  ['id', { field: 'guid', type: 'text' }],
  ['username', { field: 'user_name', type: 'text' }],
  ['origin', { field: 'origin', type: 'text' }],
  ['email', { field: 'email', type: 'text' }],
  ['emails', { field: 'email', type: 'text' }],
  ['emails.value', { field: 'email', type: 'text' }],
  ['givenname', { field: 'given_name', type: 'text' }],
  ['name.givenname', { field: 'given_name', type: 'text' }],
  ['familyname', { field: 'family_name', type: 'text' }],
  ['name.familyname', { field: 'family_name', type: 'text' }],
  ['active', { field: 'active', type: 'boolean' }],
  ['verified', { field: 'verified', type: 'boolean' }],
  ['created', { field: 'created_at', type: 'time' }],
  ['meta.created', { field: 'created_at', type: 'time' }],
  ['lastmodified', { field: 'updated_at', type: 'time' }],
  ['meta.lastmodified', { field: 'updated_at', type: 'time' }],
]);

export type UserFilter =
  | { readonly kind: 'text'; readonly field: UserField; readonly operator: Comparison; readonly value: string }
  | { readonly kind: 'time'; readonly field: UserField; readonly operator: Comparison; readonly value: string }
  | { readonly kind: 'boolean'; readonly field: UserField; readonly operator: 'eq' | 'ne'; readonly value: boolean }
  | { readonly kind: 'present'; readonly field: UserField; readonly type: FieldKind['type'] }
  | { readonly kind: 'and' | 'or'; readonly left: UserFilter; readonly right: UserFilter }
  | { readonly kind: 'not'; readonly filter: UserFilter };

/** Says why a filter that parses cannot be asked of users. */
export class UserFilterError extends Error {
  override readonly name = 'UserFilterError';
}

/** The column that an attribute is kept in; undefined when users have no such attribute. */
export function userField(attribute: string): UserField | undefined {
  return attributes.get(attribute.toLowerCase())?.field;
}

/** Gives a filter's attributes and values their meaning. Throws UserFilterError. */
export function resolveUserFilter(filter: ScimFilter): UserFilter {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return { kind: filter.kind, left: resolveUserFilter(filter.left), right: resolveUserFilter(filter.right) };
    case 'not':
      return { kind: 'not', filter: resolveUserFilter(filter.filter) };
    case 'present':
      return { kind: 'present', ...known(filter.attribute) };
    case 'compare':
      return resolveComparison(filter);
  }
}

function resolveComparison(filter: ScimFilter & { kind: 'compare' }): UserFilter {
  const { field, type } = known(filter.attribute);
  const { attribute, operator, value } = filter;
  if (type === 'boolean') {
    if (typeof value !== 'boolean' || (operator !== 'eq' && operator !== 'ne')) {
      throw new UserFilterError(`${attribute} is true or false: compare it with eq or ne`);
    }
    return { kind: 'boolean', field, operator, value };
  }
  if (typeof value !== 'string') throw new UserFilterError(`${attribute} is compared with text in double quotes`);
  if (type === 'text') return { kind: 'text', field, operator, value };
  const time = Date.parse(value);
  if (Number.isNaN(time)) throw new UserFilterError(`${attribute} is compared with an RFC 3339 time`);
  if (operator === 'co' || operator === 'sw' || operator === 'ew') {
    throw new UserFilterError(`${attribute} is a time, it has no parts to search`);
  }
  return { kind: 'time', field, operator, value: new Date(time).toISOString() };
}

function known(attribute: string): FieldKind {
  const kind = attributes.get(attribute.toLowerCase());
  if (kind === undefined) throw new UserFilterError(`users have no attribute ${attribute}`);
  return kind;
}
