// @ts-check
// Looks at the machine. Reads only.
import { accessSync, constants, existsSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { firstDifference } from './locked-packages.mjs';

/** Debian keeps daemons in sbin, which is not on every user's PATH. */
export const SEARCH_PATH = [
  ...(process.env.PATH ?? '').split(':').filter((dir) => dir !== ''),
  '/usr/local/sbin',
  '/usr/sbin',
  '/sbin',
];

/**
 * @param {string} command
 * @returns {boolean}
 */
export function commandExists(command) {
  return existsIn(SEARCH_PATH, command);
}

/**
 * @param {readonly string[]} dirs
 * @param {string} command
 * @returns {boolean}
 */
function existsIn(dirs, command) {
  return dirs.some((dir) => {
    try {
      accessSync(join(dir, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * @param {string} library e.g. `libatomic.so.1`
 * @returns {boolean} whether it is where the loader of Debian and its kin looks
 */
function libraryExists(library) {
  const triplet = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  return [`/usr/lib/${triplet}`, `/lib/${triplet}`, '/usr/lib64', '/lib64', '/usr/lib', '/lib', '/usr/local/lib'].some(
    (dir) => existsSync(join(dir, library)),
  );
}

/**
 * @param {import('./requirements.mjs').Requirement} requirement
 * @returns {boolean}
 */
export function isThere({ name, library, versionsIn }) {
  if (library) return libraryExists(name);
  if (versionsIn === undefined) return commandExists(name);
  const versions = existsSync(versionsIn) ? readdirSync(versionsIn) : [];
  return existsIn(
    versions.map((version) => join(versionsIn, version, 'bin')),
    name,
  );
}

/**
 * @param {string} root of the checkout
 * @param {readonly import('./requirements.mjs').Requirement[]} requirements
 * @returns {import('./plan.mjs').Facts}
 */
export function lookAtMachine(root, requirements) {
  return {
    platform: process.platform,
    arch: process.arch,
    kernel: release(),
    glibc: hasGlibc(),
    uid: process.getuid?.() ?? -1,
    apt: commandExists('apt-get') && commandExists('dpkg'),
    userNamespaces: readText('/proc/sys/user/max_user_namespaces')?.trim() !== '0',
    missing: requirements.filter((requirement) => !isThere(requirement)).map(({ name }) => name),
    npm: process.env.npm_execpath !== undefined || commandExists('npm'),
    nodeModulesMatch: nodeModulesDifference(root) === undefined,
    freeBytes: freeBytes(root),
  };
}

/**
 * @param {string} root
 * @returns {string | undefined} what is not as package-lock.json says
 */
export function nodeModulesDifference(root) {
  const wanted = readJson(join(root, 'package-lock.json'));
  if (wanted === undefined) throw new Error(`${root}/package-lock.json is missing: this is no complete checkout`);
  const installed = readJson(join(root, 'node_modules/.package-lock.json'));
  const difference = firstDifference(wanted, installed, { platform: process.platform, arch: process.arch }, (path) =>
    existsSync(join(root, path)),
  );
  if (difference !== undefined) return difference;
  return existsSync(join(root, 'node_modules/.bin/node')) ? undefined : 'node_modules/.bin/node is missing';
}

/** @returns {boolean} */
function hasGlibc() {
  const report = /** @type {{ header: { glibcVersionRuntime?: string } } | undefined} */ (process.report?.getReport());
  return report?.header.glibcVersionRuntime !== undefined;
}

/**
 * @param {string} dir
 * @returns {number}
 */
function freeBytes(dir) {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}

/**
 * @param {string} path
 * @returns {string | undefined}
 */
function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * @param {string} path
 * @returns {any}
 */
function readJson(path) {
  const text = readText(path);
  return text === undefined ? undefined : JSON.parse(text);
}
