// @ts-check
// Installs Debian packages without letting them start their services.
import { existsSync } from 'node:fs';
import { startProgress } from './progress.mjs';
import { runStep } from './run-step.mjs';

/** For maintainer scripts: no questions, and (sysvinit) a runlevel in which no service is started. */
const env = {
  DEBIAN_FRONTEND: 'noninteractive',
  DEBCONF_NONINTERACTIVE_SEEN: 'true',
  NEEDRESTART_SUSPEND: '1',
  RUNLEVEL: '1',
};
/** Another apt or dpkg at work (unattended-upgrades) is waited for. */
const aptOptions = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=300', '-o', 'APT::Status-Fd=3', '-o', 'Dpkg::Use-Pty=0'];

/**
 * @param {readonly string[]} packages
 * @param {readonly string[]} units of these packages
 * @param {AbortSignal} signal
 * @param {(text: string) => void} say
 */
export async function installDebianPackages(packages, units, signal, say) {
  const updating = startProgress('reading the Debian package lists');
  await watched(updating, () =>
    runStep('apt-get', [...aptOptions, 'update'], { env, signal, onStatus: detail(updating) }),
  );

  const install = ['install', '--no-install-recommends', ...packages];
  const simulated = await runStep('apt-get', ['-q', '-y', '--print-uris', ...install], { env, signal });
  const sizes = archiveSizes(simulated);
  const inAll = sizes.length > packages.length ? `${sizes.length} packages in all, ` : '';
  const size = `${inAll}${megabytes(sizes)}`;

  const downloading = startProgress(`downloading ${packages.join(', ')} (${size})`);
  await watched(downloading, () =>
    runStep('apt-get', [...aptOptions, '--download-only', ...install], { env, signal, onStatus: detail(downloading) }),
  );

  signal.throwIfAborted();
  const unpacking = startProgress('installing them');
  const explain = () => say('Stopping once dpkg is done: ended half-way it would leave the system broken.');
  signal.addEventListener('abort', explain, { once: true });
  try {
    await watched(unpacking, () =>
      withoutServices(units, () =>
        runStep('apt-get', [...aptOptions, '--no-download', ...install], {
          env,
          signal,
          finish: true,
          onStatus: detail(unpacking),
        }),
      ),
    );
  } finally {
    signal.removeEventListener('abort', explain);
  }
}

/**
 * Under systemd a package's postinst starts its service and enables it for the next boot. A mask of this boot only
 * hinders the start; afterwards the unit is disabled and the mask lifted, so that an administrator may still use it.
 * @template T
 * @param {readonly string[]} units
 * @param {() => Promise<T>} install
 * @returns {Promise<T>}
 */
async function withoutServices(units, install) {
  const systemd = existsSync('/run/systemd/system') && units.length > 0;
  const signal = new AbortController().signal;
  if (!systemd) return await install();
  await runStep('systemctl', ['mask', '--runtime', ...units], { signal });
  try {
    return await install();
  } finally {
    await runStep('systemctl', ['unmask', '--runtime', ...units], { signal });
    await runStep('systemctl', ['disable', ...units], { signal });
  }
}

/**
 * @template T
 * @param {import('./progress.mjs').Progress} progress
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function watched(progress, work) {
  try {
    const result = await work();
    progress.done();
    return result;
  } catch (error) {
    progress.failed(error);
    throw error;
  }
}

/**
 * Lines of APT::Status-Fd, e.g. `dlstatus:1:9.09:Retrieving file 2 of 11` or `pmstatus:runc:40.0:Unpacking runc (amd64)`.
 * @param {import('./progress.mjs').Progress} progress
 * @returns {(line: string) => void}
 */
function detail(progress) {
  return (line) => {
    const [kind, , percent, ...text] = line.split(':');
    if (kind === 'dlstatus' || kind === 'pmstatus')
      progress.detail(`${Math.round(Number(percent))} % ${text.join(':')}`);
  };
}

/**
 * @param {string} printed by `apt-get --print-uris`: `'URI' file size hash`
 * @returns {number[]}
 */
export function archiveSizes(printed) {
  return [...printed.matchAll(/^'[^']+' \S+ (\d+) /gm)].map((match) => Number(match[1]));
}

/**
 * @param {readonly number[]} sizes
 * @returns {string}
 */
function megabytes(sizes) {
  return `${(sizes.reduce((sum, size) => sum + size, 0) / 1_000_000).toFixed(1)} MB`;
}
