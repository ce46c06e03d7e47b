import { execFile } from 'node:child_process';
import { access, constants, mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { type CliVersion, cliVersions } from './command-runner.ts';

const run = promisify(execFile);

export interface CliProgram {
  readonly path: string;
  readonly version: CliVersion;
  /** What it says itself. */
  readonly description: string;
}

export interface FoundClis {
  readonly programs: ReadonlyMap<CliVersion, CliProgram>;
  /** Why there is no other one. */
  readonly missing: readonly string[];
}

const MODULE = 'code.cloudfoundry.org/cli/v8';
/** It has a few hundred dependencies to fetch and to compile. */
const INSTALL_DEADLINE_MS = 5 * 60_000;
/** Whether the module can be had at all is known soon. */
const ASK_DEADLINE_MS = 20_000;
const CACHE = join(import.meta.dirname, '../../../node_modules/.cache/cf-cli');

/**
 * The cf CLI in CF_BINARY, as `cf` and `cf9` on PATH, else compiled from its source where there is Go. Debian has no
 * package of it.
 */
export async function findClis(
  env: Readonly<Record<string, string | undefined>>,
  cache: string = CACHE,
): Promise<FoundClis> {
  const programs = new Map<CliVersion, CliProgram>();
  const missing: string[] = [];
  const candidates = [env.CF_BINARY, await onPath('cf', env), await onPath('cf9', env), join(cache, 'cli')];
  for (const path of candidates) {
    if (path === undefined || path === '' || !(await isProgram(path))) {
      if (path !== undefined && path === env.CF_BINARY) missing.push(`CF_BINARY=${path} is no program`);
      continue;
    }
    const program = await identify(path);
    if (typeof program === 'string') missing.push(program);
    else if (!programs.has(program.version)) programs.set(program.version, program);
  }
  if (programs.size === 0) {
    const made = await compile(env, cache);
    if (typeof made === 'string') missing.push('there is no cf on PATH, nor in CF_BINARY', made);
    else programs.set(made.version, made);
  }
  return { programs, missing };
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function onPath(name: string, env: Readonly<Record<string, string | undefined>>): Promise<string | undefined> {
  for (const directory of (env.PATH ?? '').split(delimiter)) {
    const path = join(directory, name);
    if (directory !== '' && (await isProgram(path))) return path;
  }
  return undefined;
}

async function identify(path: string): Promise<CliProgram | string> {
  try {
    const { stdout } = await run(path, ['version'], { timeout: ASK_DEADLINE_MS });
    const description = stdout.trim().replace(/^\S+ version/, 'cf version');
    const version = cliVersions.find((known) => description.startsWith(`cf version ${known.slice(1)}.`));
    if (version === undefined) return `${path} is "${description}", not one of ${cliVersions.join(', ')}`;
    return { path, version, description };
  } catch (error) {
    return `${path} does not say its version: ${lastLine(error)}`;
  }
}

async function compile(env: Readonly<Record<string, string | undefined>>, cache: string): Promise<CliProgram | string> {
  const go = await onPath('go', env);
  if (go === undefined) return 'there is no Go to make it with';
  const directories = { GOBIN: cache, GOPATH: join(cache, 'go'), GOCACHE: join(cache, 'build') };
  const options = { env: { ...env, ...directories, GOFLAGS: '-modcacherw' } };
  try {
    await mkdir(cache, { recursive: true });
    // Asked first, for a refusal is answered at once; and the program is told its version by whoever builds it.
    const asked = await run(go, ['list', '-m', `${MODULE}@latest`], {
      ...options,
      cwd: cache,
      timeout: ASK_DEADLINE_MS,
    });
    const version = /v(\d\S*)/.exec(asked.stdout.trim().split(' ')[1] ?? '')?.[1] ?? '8.0.0';
    const flags = `-ldflags=-X ${MODULE}/version.binaryVersion=${version}`;
    await run(go, ['install', flags, `${MODULE}@v${version}`], { ...options, timeout: INSTALL_DEADLINE_MS });
    return await identify(join(cache, 'cli'));
  } catch (error) {
    return `go install ${MODULE}@latest: ${lastLine(error)}`;
  }
}

/** What the program said last, which is the reason; without addresses of servers, which may be private. */
function lastLine(error: unknown): string {
  const { stderr, killed, message } = error as { stderr?: string; killed?: boolean; message?: string };
  if (killed) return 'took too long';
  const line = (stderr ?? '').trim().split('\n').at(-1) ?? '';
  const reason = line === '' ? (message ?? String(error)) : line;
  return reason.replaceAll(/https?:\/\/\S+/g, '(the module proxy)').replace(/[.\s]+$/, '');
}
