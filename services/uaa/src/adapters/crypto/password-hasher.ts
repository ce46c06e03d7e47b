import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import {
  type Argon2Parameters,
  formatPasswordHash,
  type PasswordHash,
  parsePasswordHash,
} from '../../domain/password-hash.ts';
import { UaaError } from '../../errors.ts';

/** OWASP's second choice for Argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, some 40 ms. */
const DEFAULT_PARAMETERS: Argon2Parameters = { memoryKib: 19_456, passes: 2, parallelism: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** Of the four threads of libuv's pool, so that files, DNS and signatures go on; also a bound on memory. */
const CONCURRENCY = 2;
/** Some four seconds of work: who comes later had better be told to try again. */
const MAX_WAITING = 200;

const argon2Async = promisify(argon2);

export interface Verification {
  readonly matches: boolean;
  /** It matches, and should be hashed anew with today's parameters. */
  readonly outdated: boolean;
}

/** Argon2id off the main thread, a few at a time. */
export class PasswordHasher {
  readonly #parameters: Argon2Parameters;
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  /** The hash of nothing that anyone knows. */
  readonly #decoy: string;

  constructor(parameters: Argon2Parameters = DEFAULT_PARAMETERS) {
    this.#parameters = parameters;
    this.#decoy = formatPasswordHash({ ...parameters, salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) });
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** In PHC string format. Throws UaaError BUSY. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES);
    const hash = await this.#compute(password, salt, HASH_BYTES, this.#parameters);
    return formatPasswordHash({ ...this.#parameters, salt, hash });
  }

  /** Without a stored hash it takes the same time and says no: nobody learns by a clock which names exist. */
  async verify(password: string, stored: string | undefined): Promise<Verification> {
    const expected = parsePasswordHash(stored ?? this.#decoy);
    if (expected === undefined) throw new UaaError('FAILED', 'a stored password hash cannot be read');
    const { salt, hash } = expected;
    const actual = await this.#compute(password, salt, hash.length, expected);
    const matches = timingSafeEqual(actual, hash) && stored !== undefined;
    return { matches, outdated: matches && this.#isOutdated(expected) };
  }

  #isOutdated({ memoryKib, passes, parallelism, hash }: PasswordHash): boolean {
    const wanted = this.#parameters;
    return (
      memoryKib !== wanted.memoryKib ||
      passes !== wanted.passes ||
      parallelism !== wanted.parallelism ||
      hash.length !== HASH_BYTES
    );
  }

  async #compute(
    password: string,
    salt: Uint8Array,
    tagLength: number,
    { memoryKib: memory, passes, parallelism }: Argon2Parameters,
  ): Promise<Buffer> {
    await this.#enter();
    try {
      const message = password.normalize('NFC');
      return await argon2Async('argon2id', { message, nonce: salt, parallelism, tagLength, memory, passes });
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < CONCURRENCY) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= MAX_WAITING) throw new UaaError('BUSY', 'too many logins at a time, try again');
    // Whoever leaves hands on its place.
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
