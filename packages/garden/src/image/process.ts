import { GardenError } from '../errors.ts';
import type { RootfsView } from '../rootfs/rootfs-files.ts';
import { buildArguments, buildWorkdir, checkWorkdir, executableCandidates } from './command.ts';
import { buildEnvironment, lookUp } from './environment.ts';
import { type ContainerUser, resolveUser } from './user.ts';

/** What to run, from the image's config and the platform. Named as in the image config. */
export interface ProcessRequest {
  /** The app's own start command; run by the image's /bin/sh instead of ENTRYPOINT and CMD. */
  readonly command?: string | undefined;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** '' is /. */
  readonly workdir: string;
  /** USER of the image or of the process: name, uid, `user:group`; '' is root. */
  readonly user: string;
  /** ENV of the image, `NAME=value`. */
  readonly imageEnv: readonly string[];
  /** The platform's variables, which replace the image's. */
  readonly env: Readonly<Record<string, string>>;
}

/** A process as the runtime takes it. */
export interface ResolvedProcess {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: readonly string[];
  readonly user: ContainerUser;
}

/** Of a name that an error repeats. */
const MAX_SHOWN = 300;

/** Images in the wild have a few kilobytes of either. */
const ACCOUNT_FILE_BYTES = 1024 * 1024;

/**
 * Resolves a request against the image's own files, read without leaving it.
 * @param mounted directories that something is mounted on later, so that what is in the image there does not count
 * @throws GardenError PROCESS_*, USER_*, IMAGE_FILE_INVALID
 */
export function resolveProcess(request: ProcessRequest, view: RootfsView, mounted: readonly string[]): ResolvedProcess {
  const args = buildArguments(request);
  const cwd = buildWorkdir(request.workdir);
  checkWorkdir(cwd, view);
  const user = resolveUser(request.user, {
    passwd: readAccounts(view, '/etc/passwd'),
    group: readAccounts(view, '/etc/group'),
  });
  const env = buildEnvironment(request.imageEnv, request.env, user);
  const program = args[0] ?? '';
  const candidates = executableCandidates(program, cwd, lookUp(env, 'PATH') ?? '');
  const found = candidates.some(
    (path) => mounted.some((each) => path.startsWith(`${each}/`)) || view.isExecutable(path),
  );
  if (!found) {
    const where = program.includes('/') ? 'no such executable file in the image' : 'executable file not found in $PATH';
    // The image's maker chose how long the name is, and how many directories PATH has.
    const shown = JSON.stringify(program.slice(0, MAX_SHOWN));
    throw new GardenError('PROCESS_EXECUTABLE_NOT_FOUND', 'process', `exec: ${shown}: ${where}`, {
      details: { candidates: candidates.slice(0, 20).map((path) => path.slice(0, MAX_SHOWN)) },
    });
  }
  return { args, cwd, env, user };
}

/**
 * A link that leads to no file of the image is refused: the runtime reads these files too, inside of the container, where
 * it may lead to a device or a pipe that never ends.
 */
function readAccounts(view: RootfsView, path: string): string | undefined {
  const content = view.read(path, ACCOUNT_FILE_BYTES);
  if (content !== undefined || view.kindOf(path) !== 'link') return content;
  throw new GardenError(
    'IMAGE_FILE_INVALID',
    'process',
    `The image's ${path} is a link that leads to no file of the image`,
  );
}
