// @ts-check
// Makes node_modules what package-lock.json says.
import { existsSync, readFileSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { watched } from './debian-packages.mjs';
import { nodeModulesDifference } from './facts.mjs';
import { startProgress } from './progress.mjs';
import { runStep, StepFailed } from './run-step.mjs';

/**
 * @param {string} root
 * @param {AbortSignal} signal
 */
export async function installNodeModules(root, signal) {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const count = Object.values(lock.packages).filter((/** @type {any} */ p) => !p.optional && !p.link).length;
  const node = lock.packages[`node_modules/node-linux-${process.arch}`].version;
  const progress = startProgress(`npm: Node ${node} and ${count} packages into node_modules, about 600 MB`);
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? { command: process.execPath, args: [process.env.npm_execpath] }
    : { command: 'npm', args: [] };
  // At level "error" npm keeps to itself that many packages want a newer Node than the one that bootstraps: they get it.
  const args = [
    ...npm.args,
    'ci',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    '--progress=false',
  ];
  await watched(progress, async () => {
    await runStep(npm.command, args, { cwd: root, signal, env: { npm_config_yes: 'false' } });
    linkNode(root);
    await runStep(join(root, 'node_modules/.bin/node'), ['--version'], { signal });
    const difference = nodeModulesDifference(root);
    if (difference !== undefined) throw new StepFailed(`npm ci ended well, but ${difference}`);
  });
}

/**
 * npm 10 drops the link to the pinned Node when it skips the package of the other processor, which has it too.
 * @param {string} root
 */
export function linkNode(root) {
  const link = join(root, 'node_modules/.bin/node');
  if (existsSync(link)) return;
  rmSync(link, { force: true });
  symlinkSync(`../node-linux-${process.arch}/bin/node`, link);
  if (!existsSync(link)) {
    unlinkSync(link);
    throw new StepFailed(`the npm registry did not deliver node-linux-${process.arch}, the pinned Node`);
  }
}
