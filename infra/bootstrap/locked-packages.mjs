// @ts-check
// Is node_modules what package-lock.json says? Pure, but for `exists`.

/**
 * @typedef {{ version?: string, integrity?: string, link?: boolean, optional?: boolean, os?: string | string[],
 *   cpu?: string | string[], libc?: string | string[] }} LockedPackage
 * @typedef {{ packages?: Record<string, LockedPackage> }} Lockfile
 */

/**
 * npm writes `node_modules/.package-lock.json` as the last step of an install, so an interrupted one does not match.
 * @param {Lockfile} wanted package-lock.json
 * @param {Lockfile | undefined} installed node_modules/.package-lock.json
 * @param {{ platform: string, arch: string }} machine
 * @param {(path: string) => boolean} exists of a path relative to the checkout
 * @returns {string | undefined} what differs first, or undefined
 */
export function firstDifference(wanted, installed, machine, exists) {
  if (installed?.packages === undefined) return 'nothing is installed';
  for (const [path, locked] of Object.entries(wanted.packages ?? {})) {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) continue;
    const found = installed.packages[path];
    if (found === undefined) {
      if (locked.optional && !isBinaryFor(locked, machine)) continue;
      return `${path} is missing`;
    }
    if (found.version !== locked.version) return `${path} is ${found.version}, not ${locked.version}`;
    if (found.integrity !== locked.integrity && locked.integrity !== undefined) return `${path} differs`;
    if (!exists(locked.link ? path : `${path}/package.json`)) return `${path} is missing`;
  }
  return undefined;
}

/**
 * An optional package may be absent for many reasons (npm skips what only skipped packages need), but not the binary
 * for this very machine.
 * @param {LockedPackage} locked
 * @param {{ platform: string, arch: string }} machine
 * @returns {boolean}
 */
function isBinaryFor(locked, machine) {
  return (
    locked.cpu !== undefined &&
    includes(locked.os, machine.platform) &&
    includes(locked.cpu, machine.arch) &&
    includes(locked.libc, 'glibc')
  );
}

/**
 * @param {string | string[] | undefined} list
 * @param {string} value
 * @returns {boolean}
 */
function includes(list, value) {
  return list === undefined || (typeof list === 'string' ? list === value : list.includes(value));
}
