import { basename } from 'node:path';
import type { HelperSettings } from '../settings/registry-settings.ts';
import { askHelper, type HelperOptions } from './credential-helper.ts';
import { type CredentialSource, fingerprint } from './credential-source.ts';
import type { RegistryCredentials } from './credentials.ts';
import { untilAborted } from './deadline.ts';
import { evictOldest } from './evict-oldest.ts';
import { RegistryError } from './registry-error.ts';

/** Those of ECR hold for 12 hours and Google's for one; a program that rotates its own early is asked soon enough. */
const LIFE_MS = 10 * 60_000;
/** That there are none, or that the program fails, may change at any time; but not every request needs to find out. */
const SHORT_LIFE_MS = 15_000;
/** A program that was just asked is not asked again because of a 401: users cause those. */
const MIN_AGE_MS = 5_000;
/** Registries below a wildcard are named by users. */
const MAX_ANSWERS = 1_000;

type Answer = { readonly credentials: RegistryCredentials | undefined } | { readonly error: RegistryError };

interface Known {
  readonly answer: Promise<Answer>;
  readonly asked: number;
  until: number;
  last: RegistryCredentials | undefined;
}

/** What credential helpers answered, for a bounded time. Callers who come together share one run of the program. */
export class HelperAnswers {
  readonly #known = new Map<string, Known>();
  readonly #options: HelperOptions;
  readonly #now: () => number;

  constructor(options: HelperOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  /** Programs may be others under the same name, or have been given another environment. */
  forget(): void {
    this.#known.clear();
  }

  /** The credentials for one registry, as references name it. */
  source(helper: HelperSettings, registry: string): CredentialSource {
    const name = basename(helper.program);
    const key = JSON.stringify([helper.program, helper.environment, registry]);
    const last = (): RegistryCredentials | undefined => this.#known.get(key)?.last;
    return {
      key: `helper ${key}`,
      get last() {
        return last();
      },
      describe: () => `with the credentials that ${name} gives`,
      blame: () =>
        last() === undefined
          ? `the repository does not exist, or it needs credentials and ${name} has none for ${registry}`
          : `the credentials that ${name} gives may not pull it, or are wrong`,
      get: async (signal) => resultOf(await untilAborted(this.#ask(key, helper, registry).answer, signal)),
      renew: async (refused, signal) => {
        const known = this.#known.get(key);
        if (known !== undefined) {
          const used = await untilAborted(known.answer, signal);
          // Another caller may have had them renewed meanwhile.
          const stillRefused = 'credentials' in used && isSame(used.credentials, refused);
          if (stillRefused && this.#now() - known.asked < MIN_AGE_MS) return undefined;
          if (stillRefused) known.until = 0;
        }
        const renewed = resultOf(await untilAborted(this.#ask(key, helper, registry).answer, signal));
        return isSame(renewed, refused) ? undefined : renewed;
      },
    };
  }

  #ask(key: string, helper: HelperSettings, registry: string): Known {
    const before = this.#known.get(key);
    if (before !== undefined && this.#now() < before.until) return before;
    const known: Known = {
      answer: this.#run(helper, registry),
      asked: this.#now(),
      until: Number.POSITIVE_INFINITY,
      last: before?.last,
    };
    this.#known.delete(key);
    this.#known.set(key, known);
    evictOldest(this.#known, MAX_ANSWERS);
    void known.answer.then((answer) => {
      const credentials = 'credentials' in answer ? answer.credentials : undefined;
      known.until = this.#now() + (credentials === undefined ? SHORT_LIFE_MS : LIFE_MS);
      known.last = credentials ?? known.last;
    });
    return known;
  }

  async #run(helper: HelperSettings, registry: string): Promise<Answer> {
    try {
      return { credentials: await askHelper(helper, serverOf(registry), this.#options) };
    } catch (error) {
      if (error instanceof RegistryError) return { error };
      // A fault of this program. Whoever waits gets it as the failure that it is for him.
      const ask = { phase: 'authentication', registry: basename(helper.program), what: 'credentials' } as const;
      return { error: new RegistryError('CREDENTIAL_HELPER_FAILED', ask, 'it could not be run', { cause: error }) };
    }
  }
}

/** Docker asks its helpers for the hub by the address of its first registry. */
function serverOf(registry: string): string {
  return registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry;
}

function resultOf(answer: Answer): RegistryCredentials | undefined {
  if ('error' in answer) throw answer.error;
  return answer.credentials;
}

function isSame(a: RegistryCredentials | undefined, b: RegistryCredentials | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && fingerprint(a) === fingerprint(b));
}
