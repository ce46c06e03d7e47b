import { z } from 'zod';
import type { ScimFilter } from './scim-filter.ts';
import { adminGroups, platformGroups, userGroups } from './scopes.ts';

/** A group: a scope that its members' tokens have. */
export interface Group {
  /** Its id too. */
  readonly name: string;
  readonly description: string | null;
}

/** RFC 6749 3.3, which groups become scopes of. */
const name = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,255}$/, 'expected the name of a scope (RFC 6749 3.3)');
const memberSchema = z.looseObject({ value: z.string().min(1), type: z.literal('USER').default('USER') });
const createSchema = z.looseObject({
  displayName: name,
  description: z.string().max(255).nullish(),
  members: z.array(memberSchema).default([]),
});
const membersSchema = z.looseObject({ members: z.array(memberSchema).default([]) });

export interface NewGroup extends Group {
  readonly members: readonly string[];
}

type Parsed<T> =
  | { readonly outcome: 'valid'; readonly value: T }
  | { readonly outcome: 'invalid'; readonly description: string };

/** The body of `POST /Groups`. */
export function parseNewGroup(body: unknown): Parsed<NewGroup> {
  const result = createSchema.safeParse(body);
  if (!result.success) return invalid(result.error);
  const { displayName, description, members } = result.data;
  return {
    outcome: 'valid',
    value: { name: displayName, description: description ?? null, members: members.map(({ value }) => value) },
  };
}

/** The members in the body of `PUT /Groups/:id`. */
export function parseMembers(body: unknown): Parsed<readonly string[]> {
  const result = membersSchema.safeParse(body);
  if (!result.success) return invalid(result.error);
  return { outcome: 'valid', value: [...new Set(result.data.members.map(({ value }) => value))] };
}

/** The body of `POST /Groups/:id/members`. */
export function parseMember(body: unknown): Parsed<string> {
  const result = memberSchema.safeParse(body);
  return result.success ? { outcome: 'valid', value: result.data.value } : invalid(result.error);
}

function invalid(error: z.ZodError): { readonly outcome: 'invalid'; readonly description: string } {
  const description = error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  return { outcome: 'invalid', description };
}

/** The platform's groups, and then those that were made. */
export function allGroups(made: readonly Group[]): Group[] {
  const own = [...new Set([...userGroups, ...adminGroups, ...platformGroups])].toSorted();
  const known = new Set(own);
  return [
    ...own.map((group) => ({ name: group, description: null })),
    ...made.filter((group) => !known.has(group.name)),
  ];
}

/** Everybody is in it: nobody is put into it or taken out. */
export function isEveryones(group: string): boolean {
  return userGroups.includes(group);
}

/** It is the platform's, and stays. */
export function isPlatforms(group: string): boolean {
  return isEveryones(group) || adminGroups.includes(group) || platformGroups.includes(group);
}

/** Says why a filter that parses cannot be asked of groups. */
export class GroupFilterError extends Error {
  override readonly name = 'GroupFilterError';
}

/** Groups are few: a filter looks at each. Throws GroupFilterError. */
export function matchesGroup(filter: ScimFilter, group: Group): boolean {
  switch (filter.kind) {
    case 'and':
      return matchesGroup(filter.left, group) && matchesGroup(filter.right, group);
    case 'or':
      return matchesGroup(filter.left, group) || matchesGroup(filter.right, group);
    case 'not':
      return !matchesGroup(filter.filter, group);
    case 'present':
      return textOf(filter.attribute, group) !== '';
    case 'compare': {
      if (typeof filter.value !== 'string') throw new GroupFilterError(`${filter.attribute} is compared with text`);
      const [actual, wanted] = [textOf(filter.attribute, group), filter.value.toLowerCase()];
      switch (filter.operator) {
        case 'eq':
          return actual === wanted;
        case 'ne':
          return actual !== wanted;
        case 'co':
          return actual.includes(wanted);
        case 'sw':
          return actual.startsWith(wanted);
        case 'ew':
          return actual.endsWith(wanted);
        default:
          throw new GroupFilterError(`${filter.attribute} cannot be compared with ${filter.operator}`);
      }
    }
  }
}

function textOf(attribute: string, group: Group): string {
  switch (attribute.toLowerCase()) {
    case 'id':
    case 'displayname':
      return group.name.toLowerCase();
    case 'description':
      return (group.description ?? '').toLowerCase();
    default:
      throw new GroupFilterError(`groups have no attribute ${attribute}`);
  }
}

/** SCIM 1.1's group as UAA writes it. */
export function renderGroup(group: Group, members: readonly string[]): Record<string, unknown> {
  return {
    id: group.name,
    displayName: group.name,
    ...(group.description === null ? {} : { description: group.description }),
    members: members.map(renderMember),
    meta: { version: 0 },
    zoneId: 'uaa',
    schemas: ['urn:scim:schemas:core:1.0'],
  };
}

export function renderMember(userGuid: string): Record<string, unknown> {
  return { value: userGuid, type: 'USER', origin: 'uaa' };
}
