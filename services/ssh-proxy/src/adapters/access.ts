import { z } from 'zod';
import type { Target } from '../domain/target.ts';

const DEADLINE_MS = 10_000;

const tokenSchema = z.looseObject({ access_token: z.string() });
const accessSchema = z.looseObject({
  instance: z
    .looseObject({ guid: z.string(), app_guid: z.string(), cell_id: z.string(), address: z.string(), port: z.int() })
    .nullable(),
});

/** An instance that a user has been let into. */
export interface GrantedInstance {
  readonly instanceGuid: string;
  readonly appGuid: string;
  readonly cellId: string;
  /** Of the cell, for sessions. */
  readonly address: string;
  readonly port: number;
}

export type Decision =
  | { readonly outcome: 'granted'; readonly instance: GrantedInstance }
  | { readonly outcome: 'refused'; readonly reason: string };

export interface AccessOptions {
  readonly uaaUrl: string;
  readonly clientSecret: string;
  readonly cloudControllerUrl: string;
}

/** Asks uaa whose a one-time code is, and cloud-controller in that user's name whether he may log in. */
export class AccessCheck {
  readonly #options: AccessOptions;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /** Uses the code up. Throws when uaa or cloud-controller do not answer as they should. */
  async decide({ processGuid, index }: Target, code: string): Promise<Decision> {
    const { uaaUrl, clientSecret, cloudControllerUrl } = this.#options;
    const basic = Buffer.from(`ssh-proxy:${encodeURIComponent(clientSecret)}`).toString('base64');
    const exchanged = await fetch(`${uaaUrl}/oauth/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}`, accept: 'application/json' },
      body: new URLSearchParams({ grant_type: 'authorization_code', response_type: 'token', code }),
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    if (exchanged.status >= 500) throw new Error(`uaa answered ${exchanged.status}`);
    if (!exchanged.ok) return { outcome: 'refused', reason: 'the one-time code is not valid' };
    const { access_token: token } = tokenSchema.parse(await exchanged.json());
    const answer = await fetch(`${cloudControllerUrl}/internal/apps/${processGuid}/ssh_access/${index}`, {
      headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    if (answer.status >= 500) throw new Error(`cloud-controller answered ${answer.status}`);
    if (!answer.ok) return { outcome: 'refused', reason: `cloud-controller answered ${answer.status}` };
    const { instance } = accessSchema.parse(await answer.json());
    if (instance === null) return { outcome: 'refused', reason: 'the instance does not run' };
    const { guid: instanceGuid, app_guid: appGuid, cell_id: cellId, address, port } = instance;
    return { outcome: 'granted', instance: { instanceGuid, appGuid, cellId, address, port } };
  }
}
