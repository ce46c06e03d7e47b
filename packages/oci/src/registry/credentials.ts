import { inspect } from 'node:util';

/** A user name and password for one registry. Prints without the password wherever it is printed. */
export class RegistryCredentials {
  readonly username: string;
  readonly #password: string;

  constructor(username: string, password: string) {
    this.username = username;
    this.#password = password;
  }

  /** The value of an Authorization header (RFC 7617). */
  basicAuthorization(): string {
    return `Basic ${this.#encoded()}`;
  }

  /**
   * The identity token, when the password is one: Docker's credential helpers say so with the user name `<token>`
   * (docker-credential-helpers). A token server takes it as a refresh token.
   */
  identityToken(): string | undefined {
    return this.username === IDENTITY_TOKEN ? this.#password : undefined;
  }

  /** Takes the password, plain and encoded, out of a text that a registry wrote. */
  redact(text: string): string {
    return redactSecrets(text, [this.#password, encodeURIComponent(this.#password), this.#encoded()]);
  }

  #encoded(): string {
    return Buffer.from(`${this.username}:${this.#password}`).toString('base64');
  }

  toJSON(): { readonly username: string; readonly password: string } {
    return { username: this.username, password: REDACTED };
  }

  [inspect.custom](): string {
    return `RegistryCredentials(${this.username}, ${REDACTED})`;
  }
}

const IDENTITY_TOKEN = '<token>';
const REDACTED = '[redacted]';

export function redactSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((redacted, secret) => (secret === '' ? redacted : redacted.replaceAll(secret, REDACTED)), text);
}
