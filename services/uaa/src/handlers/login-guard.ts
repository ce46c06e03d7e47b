import { afterFailure, type LoginFailures, lockedUntil } from '../domain/login-policy.ts';
import { UaaError } from '../errors.ts';

export interface FailureRecords {
  get(subject: string): Promise<LoginFailures | undefined>;
  update(subject: string, change: (current: LoginFailures | undefined) => LoginFailures): Promise<LoginFailures>;
  clear(subject: string): Promise<void>;
}

/** A pipeline may log in some jobs at once as one user; a guesser does not get to queue thousands. */
const MAX_WAITING = 30;

/**
 * Lets one attempt at a time be made for a subject, and none while it is locked: were they made side by side, a
 * thousand guesses could pass before the first failure is counted.
 */
export class LoginGuard {
  readonly #records: FailureRecords;
  readonly #now: () => number;
  /** The end of each subject's queue, and its length. */
  readonly #queues = new Map<string, { tail: Promise<unknown>; waiting: number }>();

  constructor(records: FailureRecords, now: () => number) {
    this.#records = records;
    this.#now = now;
  }

  /** Runs `verify` unless the subject is locked, and counts what it says. Throws UaaError BUSY. */
  async attempt(subject: string, verify: () => Promise<boolean>): Promise<'passed' | 'failed' | 'locked'> {
    const queue = this.#queues.get(subject) ?? { tail: Promise.resolve(), waiting: 0 };
    if (queue.waiting >= MAX_WAITING) throw new UaaError('BUSY', 'too many logins at a time, try again');
    queue.waiting++;
    const attempt = queue.tail.then(() => this.#attempt(subject, verify));
    // The next one does not care how this one ended; whoever asked for it does.
    queue.tail = attempt.catch(() => undefined);
    this.#queues.set(subject, queue);
    try {
      return await attempt;
    } finally {
      queue.waiting--;
      if (queue.waiting === 0) this.#queues.delete(subject);
    }
  }

  /** What failed before does not count any more. */
  forget(subject: string): Promise<void> {
    return this.#records.clear(subject);
  }

  async #attempt(subject: string, verify: () => Promise<boolean>): Promise<'passed' | 'failed' | 'locked'> {
    const record = await this.#records.get(subject);
    if (lockedUntil(record, this.#now()) !== undefined) return 'locked';
    if (await verify()) {
      if (record !== undefined) await this.#records.clear(subject);
      return 'passed';
    }
    await this.#records.update(subject, (current) => afterFailure(current, this.#now()));
    return 'failed';
  }
}
