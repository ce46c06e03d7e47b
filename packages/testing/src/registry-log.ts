import { randomBytes } from 'node:crypto';
import { Agent, request } from 'undici';

/** A path that only `caughtUp` asks for. */
const MARKER = '/caught-up-';

/** What a registry says in its access log, which comes a moment after its answers. */
export class RegistryLog {
  /** Oldest first: `GET /v2/a/manifests/b 200`. */
  readonly requests: string[] = [];
  readonly #awaited = new Map<string, () => void>();

  /** A line of Apache's combined log format, or any other. */
  read(line: string): void {
    const [, asked = '', status] =
      /"((?:GET|HEAD|PUT|POST|PATCH|DELETE) [^ "?]+)[^ "]* HTTP\/[\d.]+" (\d{3})/.exec(line) ?? [];
    if (status === undefined) return;
    const marker = asked.indexOf(MARKER);
    if (marker === -1) this.requests.push(`${asked} ${status}`);
    else this.#awaited.get(asked.slice(marker))?.();
  }

  /** The requests that were answered by now: the registry is asked for something that the log has after all of them. */
  async caughtUp(origin: string): Promise<readonly string[]> {
    const marker = `${MARKER}${randomBytes(8).toString('hex')}`;
    const seen = new Promise<void>((resolve) => this.#awaited.set(marker, resolve));
    // Its certificate is known to nobody.
    const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
    try {
      const { body } = await request(`${origin}${marker}`, { dispatcher });
      await body.dump();
      await seen;
      return [...this.requests];
    } finally {
      this.#awaited.delete(marker);
      await dispatcher.close();
    }
  }
}
