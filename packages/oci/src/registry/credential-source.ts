import { createHmac, randomBytes } from 'node:crypto';
import { type RegistryCredentials, redactSecrets } from './credentials.ts';

/** Where the credentials for one registry come from. */
export interface CredentialSource {
  /** Tells what was got with different credentials apart in caches. Holds no secret. */
  readonly key: string;
  /** What was got last, to be taken out of what a registry says. */
  readonly last: RegistryCredentials | undefined;
  /** `as "alice"`: in whose name a registry is asked. */
  describe(): string;
  /** Whose fault it may be that they were refused, as half a sentence. */
  blame(): string;
  /** The credentials to use; undefined: anonymously. Work that is shared with others goes on when `signal` aborts. */
  get(signal: AbortSignal | undefined): Promise<RegistryCredentials | undefined>;
  /** Others, after these were refused; undefined when there are none. */
  renew(refused: RegistryCredentials, signal: AbortSignal | undefined): Promise<RegistryCredentials | undefined>;
}

/** Credentials appear in keys of caches only as a MAC of a key that dies with the process. */
const fingerprintKey = randomBytes(32);

/** Of credentials that do not change. */
export function fingerprint(credentials: RegistryCredentials): string {
  return createHmac('sha256', fingerprintKey).update(credentials.basicAuthorization()).digest('base64');
}

/** What the user who wants the image gave, or nothing. */
export function givenCredentials(credentials: RegistryCredentials | undefined): CredentialSource {
  return {
    key: credentials === undefined ? '' : fingerprint(credentials),
    last: credentials,
    describe: () => (credentials === undefined ? 'anonymously' : `as ${JSON.stringify(credentials.username)}`),
    blame: () =>
      credentials === undefined
        ? 'the repository does not exist, or it needs a user name and password and none were given'
        : `the user ${JSON.stringify(credentials.username)} may not pull it, or the password is wrong`,
    get: () => Promise.resolve(credentials),
    renew: () => Promise.resolve(undefined),
  };
}

/** What the registries settings hold for everybody. The user name is not for users to see. */
export function platformCredentials(credentials: RegistryCredentials): CredentialSource {
  return {
    key: `platform ${fingerprint(credentials)}`,
    last: credentials,
    describe: () => "with the platform's credentials",
    blame: () => "the platform's own credentials may not pull it, or are wrong",
    get: () => Promise.resolve(credentials),
    renew: () => Promise.resolve(undefined),
  };
}

/** Takes what was sent, encoded and not, out of a text that a registry wrote, should it echo it. */
export function redactSent(
  text: string,
  credentials: RegistryCredentials | undefined,
  authorization: string | undefined,
): string {
  const [scheme, sent = ''] = authorization?.split(' ') ?? [];
  const password =
    scheme === 'Basic'
      ? Buffer.from(sent, 'base64')
          .toString()
          .replace(/^[^:]*:/, '')
      : '';
  return redactSecrets(credentials?.redact(text) ?? text, [sent, password]);
}
