/** What the CLI asks again and again until it says something else. */
const POLLED = [
  /^\/v3\/jobs\//,
  /^\/v3\/builds\/[^/]+$/,
  /^\/v3\/packages\/[^/?]+$/,
  /^\/v3\/deployments\/[^/?]+$/,
  /^\/v3\/tasks\/[^/?]+$/,
  /^\/v3\/processes\/[^/]+\/stats$/,
  /^\/api\/v1\/read\//,
];

export function isPolled({ method, path }: { readonly method: string; readonly path: string }): boolean {
  return method === 'GET' && POLLED.some((pattern) => pattern.test(path.split('?')[0] ?? ''));
}

/** From when on the log is read, when it is not from the beginning. */
export function startTimePlaceholder(path: string): string {
  return path.replace(/start_time=\d+/, 'start_time={since}');
}
