import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { z } from 'zod';
import { printable } from '../printable.ts';
import type { HelperSettings } from '../settings/registry-settings.ts';
import { RegistryCredentials } from './credentials.ts';
import { RegistryError } from './registry-error.ts';

/** Who runs the programs when this process is root. */
export interface HelperUser {
  readonly uid: number;
  readonly gid: number;
}

/** `nobody` and `nogroup` of Debian. */
export const NOBODY: HelperUser = { uid: 65_534, gid: 65_534 };

export interface HelperOptions {
  /** Default `nobody`. Matters to root alone. */
  readonly user?: HelperUser | undefined;
  /** For the program to be found, and for nothing else; default that of this process. */
  readonly path?: string | undefined;
  readonly deadlineMs?: number | undefined;
  /** What a program said when it failed. For the operator: it is the operator's program, and whoever pulls is not. */
  readonly onWords?: ((failure: HelperFailure) => void) | undefined;
}

export interface HelperFailure {
  readonly program: string;
  readonly server: string;
  readonly status: number | string;
  /** In one line, without what may be a secret. */
  readonly words: string;
}

/** Cloud providers' token services answer in a second or two; some helpers ask a metadata service first. */
const DEADLINE_MS = 30_000;
/** Real answers have 4 kB at most (a token). */
const MAX_OUTPUT_BYTES = 256 * 1024;

const answerSchema = z.object({ Username: z.string(), Secret: z.string().min(1) });

/** The words of docker-credential-helpers for "I have none", which is no failure. */
const NOT_FOUND = 'credentials not found in native keychain';

/**
 * Asks a `docker-credential-*` program for the credentials of a registry (docker-credential-helpers: `get` with the
 * server on standard input, JSON on standard output); undefined when it has none.
 *
 * It gets PATH, what the settings say, and nothing else of this process's environment; it is killed with all that it
 * started when it takes too long or says too much.
 *
 * @throws RegistryError CREDENTIAL_HELPER_FAILED
 */
export async function askHelper(
  { program, environment }: HelperSettings,
  server: string,
  options: HelperOptions = {},
): Promise<RegistryCredentials | undefined> {
  const ask = { phase: 'authentication', registry: basename(program), what: `the credentials of ${server}` } as const;
  const failed = (detail: string): RegistryError =>
    new RegistryError('CREDENTIAL_HELPER_FAILED', ask, detail, { transient: false });
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  const outcome = await run(program, environment, `${server}\n`, { ...options, deadlineMs });
  switch (outcome.kind) {
    case 'not-started':
      throw failed(startFailure(outcome.error));
    case 'late':
      throw failed(`it did not answer within ${deadlineMs / 1000} s`);
    case 'too-much':
      throw failed(`it said more than ${MAX_OUTPUT_BYTES} bytes`);
    default:
  }
  const { status, stdout, stderr } = outcome;
  if (status !== 0) {
    if (stdout.trim() === NOT_FOUND) return undefined;
    const said = words(stdout) || words(stderr);
    options.onWords?.({ program, server, status, words: said });
    throw failed(`it ended with ${status}; the platform's log has what it said`);
  }
  const answer = answerSchema.safeParse(parseJson(stdout));
  // Without a cause and without its words: they hold the secret.
  if (!answer.success) throw failed('its answer is not the JSON object {"ServerURL", "Username", "Secret"}');
  return new RegistryCredentials(answer.data.Username, answer.data.Secret);
}

type Outcome =
  | { readonly kind: 'ended'; readonly status: number | string; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'not-started'; readonly error: NodeJS.ErrnoException }
  | { readonly kind: 'late' | 'too-much' };

async function run(
  program: string,
  environment: Readonly<Record<string, string>>,
  input: string,
  { user = NOBODY, path = process.env.PATH, deadlineMs }: HelperOptions & { readonly deadlineMs: number },
): Promise<Outcome> {
  const options: SpawnOptions = {
    // No directory of this process's: one that the program's user can surely be in.
    cwd: '/',
    env: { ...(path === undefined ? {} : { PATH: path }), ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own, to be ended as a whole.
    detached: true,
    // libuv gives up the supplementary groups as well.
    ...(process.getuid?.() === 0 ? user : {}),
  };
  let child: ChildProcess;
  try {
    child = spawn(program, ['get'], options);
  } catch (error) {
    return { kind: 'not-started', error: error as NodeJS.ErrnoException };
  }
  let over: 'late' | 'too-much' | undefined;
  const end = (why: 'late' | 'too-much'): void => {
    over ??= why;
    endGroup(child);
    // Whoever got out of the group may hold the other ends for ever.
    child.stdout?.destroy();
    child.stderr?.destroy();
  };
  const timer = setTimeout(() => end('late'), deadlineMs);
  const [stdout, stderr] = [collect(child.stdout, () => end('too-much')), collect(child.stderr, () => end('too-much'))];
  // A program that does not read its input breaks the pipe; what it answers counts.
  child.stdin?.on('error', () => undefined).end(input);
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (over !== undefined) return { kind: over };
    return { kind: 'ended', status: code ?? `signal ${signal}`, stdout: stdout(), stderr: stderr() };
  } catch (error) {
    return { kind: 'not-started', error: error as NodeJS.ErrnoException };
  } finally {
    clearTimeout(timer);
  }
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // Gone already, or not ours to end (setuid): its pipes are closed anyway.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function collect(stream: ChildProcess['stdout'], onTooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_OUTPUT_BYTES) chunks.push(chunk);
    else onTooMuch();
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function startFailure(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return 'there is no such program: install it where PATH of this service leads, or give its absolute path';
    case 'EACCES':
      return 'it may not be executed by the user that it is to run as';
    default:
      return `it could not be started (${error.code ?? error.message})`;
  }
}

/** Without what may be a secret: JSON, and long runs of the letters that keys and tokens are made of. */
function words(output: string): string {
  const text = output.trim();
  if (/"secret"/i.test(text)) return '[something that holds a secret]';
  return printable(text.replace(/[\w+/=.~-]{32,}/g, '[redacted]'));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
