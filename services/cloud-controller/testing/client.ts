/** Whatever JSON came; tests look at it with matchers. */
// biome-ignore lint/suspicious/noExplicitAny: a typed view of every resource would test itself
type Json = any;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly body: Json;
}

export interface Client {
  get(path: string): Promise<Answer>;
  post(path: string, body?: unknown): Promise<Answer>;
  patch(path: string, body?: unknown): Promise<Answer>;
  delete(path: string): Promise<Answer>;
  /** The body is sent as it is. */
  send(
    method: string,
    path: string,
    body: string | Buffer | undefined,
    headers?: Record<string, string>,
  ): Promise<Answer>;
}

export type Transport = (request: {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | Buffer | undefined;
}) => Promise<Omit<Answer, 'body'>>;

/** Sends as the cf CLI does: JSON is the content type of everything, even of nothing. */
export function createClient(transport: Transport): Client {
  const send: Client['send'] = async (method, path, body, headers = {}) => {
    const answer = await transport({
      method,
      path,
      headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
      body,
    });
    return { ...answer, body: parse(answer.text) };
  };
  const json = (body: unknown): string | undefined => (body === undefined ? undefined : JSON.stringify(body));
  return {
    get: (path) => send('GET', path, undefined),
    post: (path, body) => send('POST', path, json(body)),
    patch: (path, body) => send('PATCH', path, json(body)),
    delete: (path) => send('DELETE', path, undefined),
    send,
  };
}

function parse(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The one error of an answer. */
export function errorOf(answer: Answer): { code: number; title: string; detail: string; status: number } {
  return { ...answer.body.errors[0], status: answer.status };
}
