import { randomUUID } from 'node:crypto';
import type { PasswordHasher } from '../adapters/crypto/password-hasher.ts';
import type { UserStore } from '../adapters/sql/user-store.ts';
import type { NewUser, UserChange } from '../domain/scim-user.ts';
import { passwordProblem, UAA_ORIGIN, type User } from '../domain/user.ts';
import { UaaError } from '../errors.ts';
import type { UserLogin } from './user-login.ts';

export interface UserAccountsDependencies {
  readonly users: UserStore;
  readonly hasher: PasswordHasher;
  readonly login: UserLogin;
  readonly now: () => number;
}

/** Who changes a password. */
export interface PasswordChanger {
  readonly userGuid: string | undefined;
  readonly isAdmin: boolean;
}

/** Makes and changes accounts. */
export class UserAccounts {
  readonly #deps: UserAccountsDependencies;

  constructor(dependencies: UserAccountsDependencies) {
    this.#deps = dependencies;
  }

  /** Throws UaaError USER_EXISTS or BUSY. */
  async create(newUser: NewUser, groups: readonly string[] = []): Promise<User> {
    const { users, hasher, now } = this.#deps;
    const { password, ...fields } = newUser;
    // Before the costly hash; the unique key decides.
    const existing = await users.findByName(newUser.userName, UAA_ORIGIN);
    const time = new Date(now()).toISOString();
    const user: User | undefined =
      existing === undefined
        ? {
            ...fields,
            guid: randomUUID(),
            origin: UAA_ORIGIN,
            passwordHash: await hasher.hash(password),
            passwordChangedAt: time,
            version: 0,
            createdAt: time,
            updatedAt: time,
            groups,
          }
        : undefined;
    if (user === undefined || !(await users.insert(user))) {
      throw new UaaError('USER_EXISTS', `Username already in use: ${newUser.userName}`, {
        details: { userGuid: existing?.guid },
      });
    }
    return user;
  }

  /** Throws UaaError USER_EXISTS or USER_NOT_FOUND. */
  async update(before: User, change: UserChange): Promise<User> {
    const { users, now } = this.#deps;
    const after: User = {
      ...before,
      userName: change.userName ?? before.userName,
      email: change.email ?? before.email,
      givenName: change.givenName === undefined ? before.givenName : change.givenName,
      familyName: change.familyName === undefined ? before.familyName : change.familyName,
      active: change.active ?? before.active,
      verified: change.verified ?? before.verified,
    };
    const updated = await users.update(after, new Date(now()).toISOString());
    if (updated === 'taken') throw new UaaError('USER_EXISTS', `Username already in use: ${after.userName}`);
    if (updated === undefined) throw new UaaError('USER_NOT_FOUND', `User ${before.guid} does not exist`);
    return updated;
  }

  /** Forgets failed logins. Throws UaaError USER_NOT_FOUND. */
  async unlock(guid: string): Promise<void> {
    const user = await this.#deps.users.get(guid);
    if (user === undefined) throw new UaaError('USER_NOT_FOUND', `User ${guid} does not exist`);
    await this.#deps.login.unlock(user.userName);
  }

  /**
   * UAA's rules (`PasswordChangeEndpoint`): one's own with the old one, even for an admin; another's for an admin
   * alone. Ends all sessions of the user. Throws UaaError SCOPE_INSUFFICIENT, USER_NOT_FOUND, PASSWORD_INVALID,
   * CREDENTIALS_WRONG, ACCOUNT_LOCKED or BUSY.
   */
  async changePassword(
    guid: string,
    oldPassword: string | undefined,
    password: string,
    changer: PasswordChanger,
  ): Promise<void> {
    const { users, hasher, login, now } = this.#deps;
    const isOwn = changer.userGuid === guid;
    if (!isOwn && !changer.isAdmin) {
      throw new UaaError('SCOPE_INSUFFICIENT', "Not permitted to change another user's password");
    }
    const user = await users.get(guid);
    if (user === undefined) throw new UaaError('USER_NOT_FOUND', `User ${guid} does not exist`);
    if (isOwn) {
      if (oldPassword === undefined || oldPassword === '') {
        throw new UaaError('PASSWORD_INVALID', 'Previous password is required');
      }
      await login.checkPassword(user.userName, user, oldPassword, 'Old password is incorrect');
    }
    const problem = passwordProblem(password);
    if (problem !== undefined) throw new UaaError('PASSWORD_INVALID', problem);
    if ((await hasher.verify(password, user.passwordHash)).matches) {
      throw new UaaError('PASSWORD_INVALID', 'Your new password cannot be the same as the old password.');
    }
    const changed = await users.setPassword(guid, await hasher.hash(password), new Date(now()).toISOString());
    if (!changed) throw new UaaError('USER_NOT_FOUND', `User ${guid} does not exist`);
  }
}
