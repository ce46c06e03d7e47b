import type { Logger } from '@slipway/service-kit';
import type { PasswordHasher } from '../adapters/crypto/password-hasher.ts';
import type { UserStore } from '../adapters/sql/user-store.ts';
import { UAA_ORIGIN, type User, userNameKey } from '../domain/user.ts';
import { UaaError } from '../errors.ts';
import type { LoginGuard } from './login-guard.ts';

export interface UserLoginDependencies {
  readonly users: UserStore;
  readonly hasher: PasswordHasher;
  readonly guard: LoginGuard;
  readonly logger: Logger;
}

/** Longer ones are no password of ours, and not worth hashing. */
const MAX_PASSWORD_LENGTH = 1_024;

/** Checks passwords of users. */
export class UserLogin {
  readonly #deps: UserLoginDependencies;

  constructor(dependencies: UserLoginDependencies) {
    this.#deps = dependencies;
  }

  /** The user, when name and password are right. Throws UaaError CREDENTIALS_WRONG, ACCOUNT_LOCKED or BUSY. */
  async logIn(userName: string, password: string, origin: string | undefined): Promise<User> {
    if (origin !== undefined && origin !== UAA_ORIGIN) {
      const message =
        'The origin provided in the login_hint does not match an active Identity Provider, that supports password grant.';
      throw new UaaError('CREDENTIALS_WRONG', message);
    }
    const user = await this.#deps.users.findByName(userName, UAA_ORIGIN);
    await this.checkPassword(userName, user, password, 'Bad credentials');
    // Verified above; a user who may not log in is told no more than one who cannot.
    if (user === undefined || !user.active) throw new UaaError('CREDENTIALS_WRONG', 'Bad credentials');
    return user;
  }

  /** Lets a name be tried again at once, whatever failed before. */
  unlock(userName: string): Promise<void> {
    return this.#deps.guard.forget(subjectOf(userName));
  }

  /** Throws UaaError CREDENTIALS_WRONG with `wrong` as its message, ACCOUNT_LOCKED or BUSY. */
  async checkPassword(userName: string, user: User | undefined, password: string, wrong: string): Promise<void> {
    const { guard, hasher, users, logger } = this.#deps;
    if (password.length > MAX_PASSWORD_LENGTH) throw new UaaError('CREDENTIALS_WRONG', wrong);
    let outdated = false;
    const outcome = await guard.attempt(subjectOf(userName), async () => {
      const verification = await hasher.verify(password, user?.passwordHash);
      outdated = verification.outdated;
      return verification.matches;
    });
    // The name may be a password typed into the wrong field: only that of a user who exists is logged, by its guid.
    if (outcome !== 'passed') logger.info({ userGuid: user?.guid ?? 'unknown', outcome }, 'login.refused');
    if (outcome === 'failed') throw new UaaError('CREDENTIALS_WRONG', wrong);
    if (outcome === 'locked') {
      const message = 'Your account has been locked because of too many failed attempts to login.';
      throw new UaaError('ACCOUNT_LOCKED', message);
    }
    if (outdated && user !== undefined) {
      await users.replaceHash(user.guid, await hasher.hash(password), user.passwordHash);
    }
  }
}

function subjectOf(userName: string): string {
  return `user ${userNameKey(userName).slice(0, 255)}`;
}
