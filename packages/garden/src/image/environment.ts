import { GardenError } from '../errors.ts';

/** What Garden sets when neither the image nor the platform does (guardian, processes/env.go). */
const ROOT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const USER_PATH = '/usr/local/bin:/usr/bin:/bin';

/**
 * A process's environment: the image's `NAME=value` lines as they are, under the platform's variables, with defaults
 * for PATH and USER. The order is the image's, then the platform's. Values are not touched: quotes, `$` and newlines
 * mean nothing here.
 *
 * @throws GardenError PROCESS_ENV_INVALID
 */
export function buildEnvironment(
  image: readonly string[],
  platform: Readonly<Record<string, string>>,
  user: { readonly uid: number; readonly name: string | undefined },
): readonly string[] {
  const variables = new Map<string, string>();
  for (const line of image) {
    const equals = line.indexOf('=');
    // Docker takes a name alone as one with no value.
    const [name, value] = equals === -1 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)];
    variables.set(name, value);
  }
  for (const [name, value] of Object.entries(platform)) variables.set(name, value);
  if (!variables.has('PATH')) variables.set('PATH', user.uid === 0 ? ROOT_PATH : USER_PATH);
  const userName = user.name ?? (user.uid === 0 ? 'root' : undefined);
  if (userName !== undefined && !variables.has('USER')) variables.set('USER', userName);
  for (const [name, value] of variables) {
    if (name !== '' && !/[=\0]/.test(name) && !value.includes('\0')) continue;
    throw new GardenError('PROCESS_ENV_INVALID', 'process', `Not a variable: ${JSON.stringify(name).slice(0, 100)}`);
  }
  return [...variables].map(([name, value]) => `${name}=${value}`);
}

/** The value of a variable in `NAME=value` lines. */
export function lookUp(environment: readonly string[], name: string): string | undefined {
  return environment.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
}
