import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

const POLL_MS = 2_000;
/** CF's `staging_timeout_in_seconds`, and some time for its result. */
const MAX_STAGING_MS = 16 * 60_000;

const pageSchema = <T>(resource: z.ZodType<T>) =>
  z.object({
    pagination: z.object({ next: z.object({ href: z.string() }).nullable() }),
    resources: z.array(resource),
  });
const dropletPage = pageSchema(z.object({ image_digests: z.object({ manifest: z.string() }) }));
const buildPage = pageSchema(z.object({ guid: z.string() }));

/** The platform's API, as whoever the token is of. */
export class DropletApi {
  readonly #api: URL;
  readonly #token: string;

  /** `token`: as `cf oauth-token` prints it. Throws when it is not of somebody who sees all droplets. */
  constructor(api: string, token: string) {
    this.#api = new URL(api);
    this.#token = token.replace(/^bearer /i, '');
    const claims = JSON.parse(Buffer.from(this.#token.split('.')[1] ?? '', 'base64url').toString() || '{}') as {
      readonly scope?: readonly string[];
    };
    const sees = ['cloud_controller.admin', 'cloud_controller.admin_read_only', 'cloud_controller.global_auditor'];
    if (!claims.scope?.some((scope) => sees.includes(scope))) {
      throw new Error('CF_TOKEN is not of an administrator, who alone sees the droplets of all spaces');
    }
  }

  /** Waits until what is being staged now is done. */
  async stagingsDone(say: (text: string) => void): Promise<void> {
    const staging = async (): Promise<string[]> =>
      (await this.#all('/v3/builds?states=STAGING&per_page=1000', buildPage)).map(({ guid }) => guid);
    const deadline = Date.now() + MAX_STAGING_MS;
    for (let waiting = await staging(); waiting.length > 0 && Date.now() < deadline; ) {
      say(`waiting for ${waiting.length} builds`);
      await delay(POLL_MS);
      const still = new Set(await staging());
      waiting = waiting.filter((guid) => still.has(guid));
    }
  }

  /** The digests of the images of all droplets. */
  async digests(): Promise<ReadonlySet<string>> {
    const droplets = await this.#all('/v3/droplets?per_page=1000', dropletPage);
    return new Set(droplets.map(({ image_digests: { manifest } }) => manifest));
  }

  async #all<T>(path: string, schema: z.ZodType<{ pagination: { next: { href: string } | null }; resources: T[] }>) {
    const found: T[] = [];
    for (let next: string | undefined = path; next !== undefined; ) {
      const { pathname, search } = new URL(next, this.#api);
      const answer = await fetch(new URL(`${pathname}${search}`, this.#api), {
        headers: { authorization: `bearer ${this.#token}` },
      });
      if (!answer.ok) throw new Error(`the API answered ${answer.status} to GET ${pathname}`);
      const page = schema.parse(await answer.json());
      found.push(...page.resources);
      next = page.pagination.next?.href;
    }
    return found;
  }
}
