import { Agent, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Speaks to one server over connections that it keeps. */
export class HttpClient {
  readonly #origin: string;
  readonly #authorization: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });

  constructor(origin: string, authorization = '') {
    this.#origin = origin;
    this.#authorization = authorization;
  }

  /** Throws for a status of 400 and above, with the body. */
  async send(method: string, path: string, body?: string, type = 'application/json'): Promise<Answer> {
    const answer = await this.#send(method, path, body, type);
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.body.slice(0, 500)}`);
    return answer;
  }

  get(path: string): Promise<Answer> {
    return this.send('GET', path);
  }

  // biome-ignore lint/suspicious/noExplicitAny: the few fields that are read fail loudly when they are not there
  async json(method: string, path: string, body?: unknown): Promise<any> {
    const answer = await this.send(method, path, body === undefined ? undefined : JSON.stringify(body));
    return answer.body === '' ? undefined : JSON.parse(answer.body);
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(method: string, path: string, body: string | undefined, type: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = {
        ...(this.#authorization === '' ? {} : { authorization: this.#authorization }),
        ...(body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) }),
      };
      const sent = request(new URL(path, this.#origin), { method, agent: this.#agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }
}

/** Runs `work` for 0 to count - 1, so many at a time. */
export async function inParallel(count: number, width: number, work: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
