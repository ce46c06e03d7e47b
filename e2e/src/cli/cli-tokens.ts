import type { HttpAnswer } from '@slipway/testing';

export type HttpSender = (request: {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}) => Promise<HttpAnswer>;

/** With less than this left the CLI renews its token before it does anything (api/cloudcontroller/wrapper). */
const RENEWED_BEFORE_END_S = 60;

/** The tokens in a `CF_HOME`, renewed when the CLI would. */
export class Tokens {
  readonly #send: HttpSender;
  #access = '';
  #refresh = '';

  constructor(send: HttpSender) {
    this.#send = send;
  }

  get access(): string {
    return this.#access;
  }

  /** Notes the tokens of an answer, if it has any. */
  take(body: string): void {
    if (!body.includes('"access_token"')) return;
    const tokens = JSON.parse(body) as { access_token: string; refresh_token?: string };
    this.#access = tokens.access_token;
    this.#refresh = tokens.refresh_token ?? '';
  }

  /** Throws when the answer is not what the CLI can go on with. */
  async renewWhenDue(): Promise<void> {
    if (this.#refresh === '' || secondsLeft(this.#access) >= RENEWED_BEFORE_END_S) return;
    const answer = await this.#send({
      method: 'POST',
      path: '/uaa/oauth/token',
      headers: {
        accept: 'application/json',
        authorization: `Basic ${Buffer.from('cf:').toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: this.#refresh }).toString(),
    });
    const fields = answer.status === 200 ? (JSON.parse(answer.body) as Record<string, unknown>) : {};
    const { access_token: access, refresh_token: refresh, token_type: type } = fields;
    if (typeof access !== 'string' || typeof refresh !== 'string' || type !== 'bearer') {
      throw new Error(`the token is not renewed: ${answer.status}, token_type ${String(type)}`);
    }
    this.take(answer.body);
  }
}

function secondsLeft(token: string): number {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp: number };
  return claims.exp - Date.now() / 1000;
}
