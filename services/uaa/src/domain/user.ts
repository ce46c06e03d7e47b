/** A person who can log in. Times are RFC 3339. */
export interface User {
  readonly guid: string;
  readonly userName: string;
  /** Where the password is checked; here always `uaa`. */
  readonly origin: string;
  readonly email: string;
  readonly givenName: string | null;
  readonly familyName: string | null;
  readonly passwordHash: string;
  readonly passwordChangedAt: string;
  readonly active: boolean;
  readonly verified: boolean;
  /** Rises with each change. */
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Beyond those that every user is in. */
  readonly groups: readonly string[];
}

export const UAA_ORIGIN = 'uaa';

/** User names that differ in case alone are the same name, as in UAA. */
export function userNameKey(userName: string): string {
  return userName.normalize('NFC').toLowerCase();
}

const MAX_PASSWORD_LENGTH = 255;

/** UAA's default policy: 1 to 255 characters. Undefined when the password will do. */
export function passwordProblem(password: string): string | undefined {
  if (password.length === 0) return 'Password must be at least 1 characters in length.';
  if (password.length > MAX_PASSWORD_LENGTH) {
    return `Password must be no more than ${MAX_PASSWORD_LENGTH} characters in length.`;
  }
  return undefined;
}
