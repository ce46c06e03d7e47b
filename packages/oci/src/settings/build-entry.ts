import { isAbsolute } from 'node:path';
import { Secret } from '@slipway/service-kit';
import { parseReference } from '../reference.ts';
import { RegistryCredentials } from '../registry/credentials.ts';
import type { HostPattern } from './host-pattern.ts';
import { checkKeyPair, readCertificates } from './pem.ts';
import type { ClientCertificate, HelperSettings, Mirror, RegistryEntry } from './registry-settings.ts';
import type { SettingsPath } from './settings-problems.ts';
import type { RegistryDocument } from './settings-schema.ts';

/** What building an entry needs from outside. */
export interface BuildContext {
  /** The text of a file that the settings name. Rejects with an Error in words. */
  readonly readFile: (path: string) => Promise<string>;
  /** Takes a problem down; building goes on, so that all are found at once. */
  readonly problem: (path: SettingsPath, message: string) => void;
}

/** Turns what is written under one key of `registries` into settings. */
export async function buildEntry(
  context: BuildContext,
  path: SettingsPath,
  pattern: HostPattern,
  document: RegistryDocument,
): Promise<RegistryEntry> {
  return {
    pattern,
    mirrors: mirrors(context, path, pattern, document),
    credentials: await credentials(context, path, pattern, document),
    helper: helper(context, path, document),
    authorities: await authorities(context, path, document),
    clientCertificate: await clientCertificate(context, path, document),
  };
}

function mirrors(
  { problem }: BuildContext,
  path: SettingsPath,
  pattern: HostPattern,
  document: RegistryDocument,
): readonly Mirror[] {
  if (pattern.wildcard && document.mirrors.length > 0) {
    problem(
      [...path, 'mirrors'],
      `a mirror of ${pattern.text} could not know whose images are asked for: name the registries one by one`,
    );
    return [];
  }
  return document.mirrors.flatMap((written, i) => {
    const { location, tags } = typeof written === 'string' ? { location: written, tags: true } : written;
    const at = [...path, 'mirrors', i];
    const parsed = parseLocation(location);
    if (parsed === undefined) {
      problem(
        at,
        `${JSON.stringify(location)} is no mirror: expected host[:port][/prefix] in lower case, without a scheme, ` +
          'the host with a "." or a ":port"; list it in plainHttp when it speaks plain http',
      );
      return [];
    }
    if (parsed.registry === pattern.text && parsed.prefix === '') {
      problem(at, `${location} would be its own mirror: remove it, for the registry itself is asked last anyway`);
      return [];
    }
    return [{ ...parsed, tags }];
  });
}

function parseLocation(location: string): Pick<Mirror, 'registry' | 'prefix'> | undefined {
  try {
    const { registry, repository } = parseReference(`${location}/image`);
    const [host = ''] = location.split('/', 1);
    // `mirror/hub` would be a repository of Docker Hub.
    const prefix = repository === 'image' ? '' : repository.slice(0, -'/image'.length);
    return registry === host ? { registry, prefix } : undefined;
  } catch {
    return undefined;
  }
}

async function credentials(
  context: BuildContext,
  path: SettingsPath,
  pattern: HostPattern,
  document: RegistryDocument,
): Promise<RegistryCredentials | undefined> {
  const { username, credentialHelper } = document;
  const password = await textOrFile(context, path, document, 'password', 'passwordFile');
  const hasPassword = document.password !== undefined || document.passwordFile !== undefined;
  if (username === undefined && !hasPassword) return undefined;
  if (username === undefined || !hasPassword) {
    const [has, lacks] =
      username === undefined ? ['a password', 'username'] : ['a username', 'password or passwordFile'];
    context.problem(path, `there is ${has} and no ${lacks}: give both or none`);
    return undefined;
  }
  if (credentialHelper !== undefined) {
    context.problem([...path, 'credentialHelper'], 'there is a username as well: give one of the two');
  }
  if (pattern.wildcard) {
    context.problem(
      [...path, 'username'],
      `a wildcard would send the password to whatever host has a name like ${pattern.text}: name the registries one ` +
        'by one, or use a credentialHelper',
    );
    return undefined;
  }
  if (username.includes(':')) {
    context.problem([...path, 'username'], 'a user name has no colon in it (RFC 7617)');
    return undefined;
  }
  return password === undefined ? undefined : new RegistryCredentials(username, password.replace(/\r?\n$/, ''));
}

/** Docker's rule for its own configuration; a path must be the operator's in full. */
const PROGRAM = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

function helper({ problem }: BuildContext, path: SettingsPath, document: RegistryDocument): HelperSettings | undefined {
  const written = document.credentialHelper;
  if (written === undefined) return undefined;
  const { program, environment } = typeof written === 'string' ? { program: written, environment: {} } : written;
  const at = [...path, 'credentialHelper'];
  if (isAbsolute(program)) return { program, environment };
  const name = program.replace(/^docker-credential-/, '');
  if (!PROGRAM.test(name)) {
    problem(
      at,
      `${JSON.stringify(program)} is no program: expected a name such as ecr-login (for docker-credential-ecr-login ` +
        'on PATH) or an absolute path',
    );
    return undefined;
  }
  return { program: `docker-credential-${name}`, environment };
}

async function authorities(
  context: BuildContext,
  path: SettingsPath,
  document: RegistryDocument,
): Promise<readonly string[]> {
  const pem = await textOrFile(context, path, document, 'ca', 'caFile');
  if (pem === undefined) return [];
  try {
    return readCertificates(pem);
  } catch (error) {
    context.problem([...path, document.ca === undefined ? 'caFile' : 'ca'], (error as Error).message);
    return [];
  }
}

async function clientCertificate(
  context: BuildContext,
  path: SettingsPath,
  { clientCertificate: written }: RegistryDocument,
): Promise<ClientCertificate | undefined> {
  if (written === undefined) return undefined;
  const at = [...path, 'clientCertificate'];
  const certificate = await textOrFile(context, at, written, 'certificate', 'certificateFile');
  const key = await textOrFile(context, at, written, 'key', 'keyFile');
  const missing = [
    ...((written.certificate ?? written.certificateFile) === undefined ? ['certificate or certificateFile'] : []),
    ...((written.key ?? written.keyFile) === undefined ? ['key or keyFile'] : []),
  ];
  if (missing.length > 0) context.problem(at, `there is no ${missing.join(', and no ')}: give both`);
  if (certificate === undefined || key === undefined) return undefined;
  try {
    const [leaf = '', ...chain] = readCertificates(certificate);
    checkKeyPair(leaf, key);
    return { certificate: [leaf, ...chain].join('\n'), key: new Secret(key) };
  } catch (error) {
    context.problem(at, (error as Error).message);
    return undefined;
  }
}

/** A text that is written in the settings or in a file of its own. */
async function textOrFile<Inline extends string, File extends string>(
  { readFile, problem }: BuildContext,
  path: SettingsPath,
  written: { readonly [key in Inline | File]?: string | undefined },
  inline: Inline,
  file: File,
): Promise<string | undefined> {
  const [text, name] = [written[inline], written[file]] as [string | undefined, string | undefined];
  if (text !== undefined && name !== undefined) {
    problem([...path, file], `there is ${inline} as well: give one of the two`);
    return undefined;
  }
  if (name === undefined) return text;
  try {
    return await readFile(name);
  } catch (error) {
    problem([...path, file], (error as Error).message);
    return undefined;
  }
}
