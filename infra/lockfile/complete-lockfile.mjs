// @ts-check
// npm leaves an optional package out of package-lock.json when the registry at hand does not carry that version, and
// a later `npm ci` then refuses the lock file. What it leaves out are binaries for platforms that we do not run on, so
// naming them is enough: `node infra/lockfile/complete-lockfile.mjs` does it, after each `npm install`.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** @typedef {{ version?: string, dev?: boolean, optional?: boolean, os?: string[], cpu?: string[], libc?: string[], optionalDependencies?: Record<string, string> }} LockedPackage */

const systems = new Map(
  Object.entries({
    darwin: 'darwin',
    win32: 'win32',
    windows: 'win32',
    android: 'android',
    freebsd: 'freebsd',
    openbsd: 'openbsd',
    openharmony: 'openharmony',
    linux: 'linux',
  }),
);
const processors = new Map(
  Object.entries({
    64: 'x64',
    x64: 'x64',
    arm64: 'arm64',
    arm: 'arm',
    ia32: 'ia32',
    ppc64: 'ppc64',
    riscv64: 'riscv64',
    s390x: 's390x',
    loong64: 'loong64',
  }),
);
const libraries = new Map(Object.entries({ gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' }));

/**
 * The platform that the name of a binary package tells, e.g. `@oxlint/binding-linux-x64-musl`.
 * @param {string} name
 * @returns {{ os: string[], cpu: string[], libc?: string[] } | undefined}
 */
export function platformOf(name) {
  const words = name.split(/[-/]/);
  /** @param {Map<string, string>} known */
  const find = (known) => words.map((word) => known.get(word)).find((value) => value !== undefined);
  const [os, cpu, libc] = [find(systems), find(processors), find(libraries)];
  if (os === undefined || cpu === undefined) return undefined;
  return { os: [os], cpu: [cpu], ...(libc !== undefined && os === 'linux' ? { libc: [libc] } : {}) };
}

/**
 * Adds the optional packages that are named by a locked package and not locked themselves. Packages for Linux on x64
 * or arm64 with glibc are never made up: without them the install would not work.
 * @param {{ packages: Record<string, LockedPackage> }} lock
 * @returns {string[]} the names added
 */
export function completeLockfile(lock) {
  const added = [];
  for (const [path, locked] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(locked.optionalDependencies ?? {})) {
      if (`node_modules/${name}` in lock.packages || `${path}/node_modules/${name}` in lock.packages) continue;
      const platform = platformOf(name);
      if (platform === undefined || !/^\d+\.\d+\.\d+/.test(version)) continue;
      if (
        platform.os[0] === 'linux' &&
        ['x64', 'arm64'].includes(platform.cpu[0] ?? '') &&
        platform.libc?.[0] !== 'musl'
      ) {
        throw new Error(`${name}@${version} is needed here and the registry does not have it`);
      }
      lock.packages[`node_modules/${name}`] = {
        version,
        ...platform,
        ...(locked.dev ? { dev: true } : {}),
        optional: true,
      };
      added.push(name);
    }
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
  return added;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = process.argv[2] ?? 'package-lock.json';
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const added = completeLockfile(lock);
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`${file}: ${added.length} packages of other platforms added`);
}
