import { TOOLS_PATH } from '@slipway/contracts';

/**
 * Goes to the user's home as sshd does, and finds a shell where diego-ssh looks for one; without any the static busybox
 * is it. Only here, in the container, is anything of the image looked at: the session itself begins in `/`.
 */
const FIND_SHELL = `cd "\${HOME:-/}" 2>/dev/null || cd /
for shell in /bin/bash /usr/local/bin/bash /bin/sh /usr/bin/bash /usr/bin/sh; do
  [ -x "$shell" ] && exec "$shell" "$@"
done
exec ${TOOLS_PATH} sh "$@"`;

/** What is run in the container for a shell, or for a command that a shell is to run. */
export function shellArguments(command: string | undefined): readonly string[] {
  return [TOOLS_PATH, 'sh', '-c', FIND_SHELL, 'sh', ...(command === undefined ? [] : ['-c', command])];
}

const MAX_VARIABLES = 100;
const MAX_VARIABLE_BYTES = 16_384;

/** Variables that a client may set, one after the other; false for one too many, or that is none. */
export function addVariable(variables: Map<string, string>, name: string, value: string): boolean {
  const isFull = variables.size >= MAX_VARIABLES && !variables.has(name);
  if (isFull || !/^[A-Za-z_][A-Za-z0-9_]{0,254}$/.test(name)) return false;
  if (value.includes('\0') || Buffer.byteLength(value) > MAX_VARIABLE_BYTES) return false;
  variables.set(name, value);
  return true;
}

const MOST_COLUMNS = 4_096;

/** A terminal that clients may ask for: some say 0. */
export function terminalSize(columns: number, rows: number): { readonly columns: number; readonly rows: number } {
  const within = (value: number, fallback: number): number =>
    Number.isInteger(value) && value > 0 ? Math.min(value, MOST_COLUMNS) : fallback;
  return { columns: within(columns, 80), rows: within(rows, 24) };
}
