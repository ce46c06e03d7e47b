// @ts-check
// Decides from facts about the machine what to install, or why not to begin. Pure.
import { MINIMUM_KERNEL, NODE_MODULES_BYTES, needsRoot, requirementsOf } from './requirements.mjs';

/**
 * @typedef {import('./requirements.mjs').Subcommand} Subcommand
 * @typedef {import('./requirements.mjs').Requirement} Requirement
 *
 * @typedef {object} Facts
 * @property {string} platform as process.platform
 * @property {string} arch as process.arch
 * @property {string} kernel as `uname -r`
 * @property {boolean} glibc false on musl distributions
 * @property {number} uid
 * @property {boolean} apt apt-get and dpkg are there
 * @property {boolean} userNamespaces the kernel lets user namespaces be made
 * @property {readonly string[]} missing names of what the subcommand requires and the machine has not
 * @property {boolean} npm npm can be run
 * @property {boolean} nodeModulesMatch node_modules is what package-lock.json says
 * @property {number} freeBytes on the disk of the checkout
 *
 * @typedef {object} Plan
 * @property {readonly Problem[]} problems when there is one, nothing may be done
 * @property {readonly string[]} debianPackages to install with apt-get
 * @property {readonly string[]} units that these packages would start
 * @property {boolean} installNodeModules
 *
 * @typedef {{ what: string, commands: readonly string[] }} Problem what is wrong, and what to type about it
 */

/**
 * @param {Subcommand} subcommand
 * @param {Facts} facts
 * @param {{ docker: boolean }} options
 * @returns {Plan}
 */
export function planInstall(subcommand, facts, options) {
  const requirements = requirementsOf(subcommand, options);
  const missing = requirements.filter((requirement) => facts.missing.includes(requirement.name));
  const debianPackages = [...new Set(missing.map((requirement) => requirement.debianPackage))];
  const units = [...new Set(missing.flatMap((requirement) => requirement.units ?? []))];
  const problems = [
    ...platformProblems(subcommand, facts),
    ...commandProblems(subcommand, facts, debianPackages, missing),
    ...npmProblems(facts),
  ];
  return { problems, debianPackages, units, installNodeModules: !facts.nodeModulesMatch };
}

/**
 * @param {Subcommand} subcommand
 * @param {Facts} facts
 * @returns {Problem[]}
 */
function platformProblems(subcommand, facts) {
  if (facts.platform !== 'linux') {
    return [{ what: `This is ${facts.platform}: Slipway runs containers with the Linux kernel.`, commands: [] }];
  }
  const problems = [];
  if (facts.arch !== 'x64' && facts.arch !== 'arm64') {
    problems.push({ what: `This is a ${facts.arch} processor: Slipway knows x64 and arm64.`, commands: [] });
  }
  if (!facts.glibc) {
    problems.push({ what: 'This system has no glibc, which the pinned Node needs (Debian has it).', commands: [] });
  }
  if (subcommand === 'check' || subcommand === 'disk') return problems;
  if (!kernelIsEnough(facts.kernel)) {
    problems.push({
      what: `Linux ${facts.kernel} is too old: ${MINIMUM_KERNEL.join('.')} or later can map a layer's owners per container.`,
      commands: [],
    });
  }
  if (!facts.userNamespaces) {
    problems.push({
      what: 'This kernel is set to make no user namespaces, and every container has one.',
      commands: ['sysctl -w user.max_user_namespaces=63000'],
    });
  }
  if (needsRoot(subcommand) && facts.uid !== 0) {
    const command = subcommand === 'start' ? 'npm start' : `npm run ${subcommand}`;
    problems.push({ what: 'Containers can be made by root only.', commands: [`sudo ${command}`] });
  }
  return problems;
}

/**
 * @param {Subcommand} subcommand
 * @param {Facts} facts
 * @param {readonly string[]} debianPackages
 * @param {readonly Requirement[]} missing
 * @returns {Problem[]}
 */
function commandProblems(subcommand, facts, debianPackages, missing) {
  if (missing.length === 0 || facts.platform !== 'linux') return [];
  const names = missing.map((requirement) => requirement.name).join(', ');
  const install = `apt-get install --no-install-recommends ${debianPackages.join(' ')}`;
  if (!facts.apt) {
    return [
      {
        what: `Not installed: ${names}. Without apt-get they must be installed by hand; on Debian it would be:`,
        commands: ['apt-get update', install],
      },
    ];
  }
  // For the other subcommands it is said already that root must run them, and root will install.
  if (facts.uid !== 0 && !needsRoot(subcommand)) {
    return [
      {
        what: `Not installed: ${names}. To install system packages one must be root:`,
        commands: ['sudo apt-get update', `sudo ${install}`],
      },
    ];
  }
  return [];
}

/**
 * @param {Facts} facts
 * @returns {Problem[]}
 */
function npmProblems(facts) {
  if (facts.nodeModulesMatch) return [];
  const problems = [];
  if (!facts.npm) {
    problems.push({ what: 'npm is not installed.', commands: ['apt-get install --no-install-recommends npm'] });
  }
  if (facts.freeBytes < NODE_MODULES_BYTES) {
    const megabytes = (/** @type {number} */ bytes) => Math.round(bytes / 1024 / 1024);
    problems.push({
      what: `The disk of this checkout has ${megabytes(facts.freeBytes)} MB free: ${megabytes(NODE_MODULES_BYTES)} MB are needed.`,
      commands: [],
    });
  }
  return problems;
}

/**
 * @param {string} release
 * @returns {boolean}
 */
export function kernelIsEnough(release) {
  const [major = 0, minor = 0] = release.split(/[.-]/).map(Number);
  const [minimumMajor, minimumMinor] = MINIMUM_KERNEL;
  return major > minimumMajor || (major === minimumMajor && minor >= minimumMinor);
}
