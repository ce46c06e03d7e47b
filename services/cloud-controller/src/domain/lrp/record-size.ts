// A message of NATS has 4 MiB here, and routes come on top.
const MAX_BYTES = 3 * 1024 * 1024;

/** Why a record is too large for any message; undefined when it is not. */
export function recordProblem(appName: string, record: unknown): string | undefined {
  const bytes = new TextEncoder().encode(JSON.stringify(record)).length;
  if (bytes <= MAX_BYTES) return undefined;
  return `The environment, services and sidecars of app '${appName}' are too large: ${bytes} bytes, of at most ${MAX_BYTES}`;
}
