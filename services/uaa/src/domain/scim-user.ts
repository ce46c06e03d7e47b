import { z } from 'zod';
import { userGroups } from './scopes.ts';
import { passwordProblem, UAA_ORIGIN, type User } from './user.ts';

const MAX_LENGTH = 255;
const text = z.string().max(MAX_LENGTH);

/** UAA's `ScimUtils.validate`. */
const USER_NAME = /^[\p{L}+0-9\-_.@'!]+$/u;

const createSchema = z.looseObject({
  userName: text.regex(USER_NAME, "Username must match pattern: [\\p{L}+0-9+\\-_.@'!]+"),
  password: z.string().optional(),
  // cf sends an empty text when no origin was asked for.
  origin: text.nullish(),
  name: z.looseObject({ givenName: text.nullish(), familyName: text.nullish() }).nullish(),
  emails: z
    .array(z.looseObject({ value: text.min(1), primary: z.boolean().nullish() }))
    .min(1, 'An email must be provided.'),
  active: z.boolean().nullish(),
  verified: z.boolean().nullish(),
});

export interface NewUser {
  readonly userName: string;
  readonly password: string;
  readonly email: string;
  readonly givenName: string | null;
  readonly familyName: string | null;
  readonly active: boolean;
  readonly verified: boolean;
}

export type NewUserResult =
  | { readonly outcome: 'valid'; readonly user: NewUser }
  | {
      readonly outcome: 'invalid';
      readonly code: 'USER_INVALID' | 'PASSWORD_INVALID';
      readonly description: string;
    };

/** The body of `POST /Users`, SCIM 1.1's user as UAA takes it. */
export function parseNewUser(body: unknown): NewUserResult {
  const result = createSchema.safeParse(body);
  if (!result.success) {
    const description = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
    return { outcome: 'invalid', code: 'USER_INVALID', description };
  }
  const { userName, password = '', origin, name, emails, active, verified } = result.data;
  if (origin !== undefined && origin !== null && origin !== '' && origin !== UAA_ORIGIN) {
    const description = `users are kept here alone: the origin must be ${UAA_ORIGIN}, there is no identity provider ${origin}`;
    return { outcome: 'invalid', code: 'USER_INVALID', description };
  }
  const problem = passwordProblem(password);
  if (problem !== undefined) return { outcome: 'invalid', code: 'PASSWORD_INVALID', description: problem };
  const email = emails.find((candidate) => candidate.primary === true) ?? emails[0];
  return {
    outcome: 'valid',
    user: {
      userName,
      password,
      email: email?.value ?? '',
      givenName: name?.givenName ?? null,
      familyName: name?.familyName ?? null,
      active: active ?? true,
      verified: verified ?? true,
    },
  };
}

const changeSchema = z.looseObject({
  userName: text.regex(USER_NAME, "Username must match pattern: [\\p{L}+0-9+\\-_.@'!]+").optional(),
  name: z.looseObject({ givenName: text.nullish(), familyName: text.nullish() }).nullish(),
  emails: z
    .array(z.looseObject({ value: text.min(1), primary: z.boolean().nullish() }))
    .min(1, 'An email must be provided.')
    .optional(),
  active: z.boolean().nullish(),
  verified: z.boolean().nullish(),
});

/** What is undefined stays. */
export interface UserChange {
  readonly userName: string | undefined;
  readonly email: string | undefined;
  readonly givenName: string | null | undefined;
  readonly familyName: string | null | undefined;
  readonly active: boolean | undefined;
  readonly verified: boolean | undefined;
}

export type UserChangeResult =
  | { readonly outcome: 'valid'; readonly change: UserChange }
  | { readonly outcome: 'invalid'; readonly description: string };

/** The body of `PUT /Users/:id`. Passwords and groups are changed elsewhere, and ignored here as in UAA. */
export function parseUserChange(body: unknown): UserChangeResult {
  const result = changeSchema.safeParse(body);
  if (!result.success) {
    const description = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
    return { outcome: 'invalid', description };
  }
  const { userName, name, emails, active, verified } = result.data;
  const email = emails?.find((candidate) => candidate.primary === true) ?? emails?.[0];
  return {
    outcome: 'valid',
    change: {
      userName,
      email: email?.value,
      givenName: name?.givenName,
      familyName: name?.familyName,
      active: active ?? undefined,
      verified: verified ?? undefined,
    },
  };
}

const SCHEMAS = ['urn:scim:schemas:core:1.0'] as const;

/** SCIM 1.1's user as UAA writes it; nothing of the password. */
export function renderUser(user: User): Record<string, unknown> {
  return {
    id: user.guid,
    meta: { version: user.version, created: user.createdAt, lastModified: user.updatedAt },
    userName: user.userName,
    name: {
      ...(user.familyName === null ? {} : { familyName: user.familyName }),
      ...(user.givenName === null ? {} : { givenName: user.givenName }),
    },
    emails: [{ value: user.email, primary: true }],
    groups: [...new Set([...userGroups, ...user.groups])]
      .toSorted()
      .map((display) => ({ value: display, display, type: 'DIRECT' })),
    active: user.active,
    verified: user.verified,
    origin: user.origin,
    zoneId: 'uaa',
    passwordLastModified: user.passwordChangedAt,
    schemas: SCHEMAS,
  };
}

export function renderUserList(page: {
  readonly users: readonly User[];
  readonly startIndex: number;
  readonly count: number;
  readonly total: number;
}): Record<string, unknown> {
  return {
    resources: page.users.map(renderUser),
    startIndex: page.startIndex,
    itemsPerPage: page.count,
    totalResults: page.total,
    schemas: SCHEMAS,
  };
}
