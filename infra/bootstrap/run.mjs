// @ts-check
// The way in of every npm script. Plain JavaScript without dependencies: an old Node runs it before anything is
// installed. It checks everything first, then installs what is missing, then hands over to the pinned Node.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installDebianPackages } from './debian-packages.mjs';
import { lookAtMachine } from './facts.mjs';
import { handOver } from './hand-over.mjs';
import { takeInstallLock } from './install-lock.mjs';
import { installNodeModules } from './node-modules.mjs';
import { planInstall } from './plan.mjs';
import { needsRoot, requirementsOf } from './requirements.mjs';
import { StepFailed } from './run-step.mjs';

/** @typedef {import('./requirements.mjs').Subcommand} Subcommand */

/** @type {Record<Subcommand, string>} */
const entries = {
  demo: 'infra/src/demo/main.ts',
  start: 'infra/src/start/main.ts',
  test: 'infra/src/test/main.ts',
  vm: 'infra/src/vm/main.ts',
  bench: 'bench/src/main.ts',
  check: 'infra/src/check/main.ts',
  disk: 'infra/src/disk/main.ts',
};

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const say = (/** @type {string} */ text) => process.stdout.write(`${text}\n`);

/**
 * @param {Subcommand} subcommand
 * @param {AbortSignal} signal
 * @returns {Promise<boolean>} false when something is wrong that must be put right by hand
 */
async function prepare(subcommand, signal) {
  const options = { docker: process.env.SLIPWAY_TEST_DOCKER === '1' };
  const requirements = requirementsOf(subcommand, options);
  const look = () => planInstall(subcommand, lookAtMachine(root, requirements), options);
  const first = look();
  if (first.problems.length > 0) {
    say('Slipway cannot start here, and has changed nothing:');
    for (const { what, commands } of first.problems) {
      say(`\n  ${what}`);
      for (const command of commands) say(`      ${command}`);
    }
    return false;
  }
  if (first.debianPackages.length === 0 && !first.installNodeModules) return true;

  const waiting = (/** @type {number} */ pid) =>
    say(`Another installation in this checkout (pid ${pid}) is under way: waiting for it.`);
  const release = await takeInstallLock(join(root, '.slipway/install.lock'), waiting, signal);
  try {
    // While waiting, the other one may have done it.
    const plan = look();
    if (plan.debianPackages.length > 0 || plan.installNodeModules) say('Installing what is missing:');
    if (plan.debianPackages.length > 0) await installDebianPackages(plan.debianPackages, plan.units, signal, say);
    if (plan.installNodeModules) await installNodeModules(root, signal);
    return true;
  } finally {
    release();
  }
}

/** @returns {Promise<number>} the exit status */
async function main() {
  const [subcommand, ...args] = process.argv.slice(2);
  if (subcommand === undefined || !(subcommand in entries)) {
    say(`usage: node infra/bootstrap/run.mjs ${Object.keys(entries).join('|')} [arguments]`);
    return 2;
  }
  if (Number(process.versions.node.split('.')[0]) < 18) {
    say(`Node ${process.versions.node} is too old to begin with: any from 18 on will do.`);
    return 1;
  }
  const interrupted = new AbortController();
  const onSignal = () => interrupted.abort();
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('SIGHUP', onSignal);
  try {
    if (!(await prepare(/** @type {Subcommand} */ (subcommand), interrupted.signal))) return 1;
    interrupted.signal.throwIfAborted();
  } catch (error) {
    if (interrupted.signal.aborted) {
      say('Stopped. The next run goes on from here.');
      return 130;
    }
    if (!(error instanceof StepFailed)) throw error;
    say(`\n${error.message}`);
    return 1;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal).off('SIGHUP', onSignal);
  }
  const privateMounts = needsRoot(/** @type {Subcommand} */ (subcommand));
  const supervises = subcommand === 'start' || subcommand === 'demo';
  return await handOver(root, entries[/** @type {Subcommand} */ (subcommand)], args, { privateMounts, supervises });
}

process.exitCode = await main();
