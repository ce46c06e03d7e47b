import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runCommand, runToEnd } from '../process/run-command.ts';

const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 30_000;
const POLL_MS = 100;

/** A Docker engine of our own, apart from one that the machine may have. */
export interface DockerEngine {
  /** For DOCKER_HOST, e.g. `unix:///tmp/slipway-docker-x/docker.sock`. */
  readonly host: string;
  /** Runs `docker ARGS` against it; its stdout; throws with the output when that fails. */
  docker(args: readonly string[], options?: { readonly cwd?: string }): Promise<string>;
  /** Ends it with all its containers, and removes everything it left on the machine. */
  stop(): Promise<void>;
}

/**
 * Starts dockerd with its own data, socket, bridge and cgroup parent, and without touching the firewall or IP
 * forwarding: published ports are served by docker-proxy. Needs root. A `dataRoot` of the caller's stays when it ends.
 * `ownsNetwork`: the network namespace is the caller's own and goes with it, so that bridge, firewall and forwarding are
 * as Docker makes them by default.
 */
export async function startDockerEngine(
  signal: AbortSignal,
  { dataRoot, ownsNetwork = false }: { readonly dataRoot?: string; readonly ownsNetwork?: boolean } = {},
): Promise<DockerEngine> {
  const dir = await mkdtemp(join(tmpdir(), 'slipway-docker-'));
  const host = `unix://${join(dir, 'docker.sock')}`;
  const data = dataRoot ?? join(dir, 'data');
  // At most 15 characters; the pid tells two engines apart.
  const bridge = `slipdock${process.pid}`.slice(0, 15);
  const cgroupParent = `/slipway-docker-${process.pid}`;
  let dockerd: ChildProcess | undefined;

  const docker: DockerEngine['docker'] = async (args, options = {}) => {
    const result = await runCommand('docker', ['--host', host, ...args], { ...options, signal });
    if (result.exitCode !== 0)
      throw new Error(`docker ${args.join(' ')}: ended with ${result.exitCode}:\n${result.output}`);
    return result.stdout.trim();
  };
  const stop = async (): Promise<void> => {
    if (dockerd !== undefined) await endProcess(dockerd);
    await unmountBelow(dir);
    if (dataRoot !== undefined) await unmountBelow(dataRoot);
    if (!ownsNetwork) await runCommand('ip', ['link', 'delete', bridge]);
    await removeCgroups(cgroupParent);
    await rm(dir, { recursive: true, force: true });
  };

  try {
    const network = ownsNetwork ? [] : await ownBridge(bridge);
    const log = createWriteStream(join(dir, 'dockerd.log'));
    await once(log, 'open');
    dockerd = spawn(
      'setpriv',
      [
        ...['--pdeathsig', 'TERM', '--', 'dockerd', '--host', host, ...network],
        ...['--data-root', data, '--exec-root', join(dir, 'exec'), '--pidfile', join(dir, 'docker.pid')],
        ...['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', cgroupParent],
      ],
      { stdio: ['ignore', log, log], detached: true },
    );
    dockerd.once('error', () => undefined);
    await answering(docker, dockerd, join(dir, 'dockerd.log'), signal);
    return { host, docker, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Makes the bridge; what dockerd is told about it. */
async function ownBridge(bridge: string): Promise<readonly string[]> {
  await runToEnd('ip', ['link', 'add', bridge, 'type', 'bridge']);
  // A /24 of the benchmark range (RFC 2544), which no real network uses.
  await runToEnd('ip', ['address', 'add', `198.18.${process.pid % 250}.1/24`, 'dev', bridge]);
  await runToEnd('ip', ['link', 'set', bridge, 'up']);
  const untouched = ['--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false'];
  return ['--bridge', bridge, ...untouched];
}

async function answering(
  docker: DockerEngine['docker'],
  dockerd: ChildProcess,
  log: string,
  signal: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  for (;;) {
    const answer = await docker(['version', '--format', '{{.Server.Version}}']).catch((error: Error) => error);
    if (typeof answer === 'string') return;
    signal.throwIfAborted();
    if (dockerd.exitCode !== null || dockerd.signalCode !== null || Date.now() > deadline) {
      const said = (await readFile(log, 'utf8')).split('\n').slice(-20).join('\n');
      throw new Error(`dockerd does not answer; it said:\n${said}`, { cause: answer });
    }
    await delay(POLL_MS, undefined, { signal });
  }
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const killer = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), STOP_DEADLINE_MS);
  await exited;
  clearTimeout(killer);
}

async function unmountBelow(dir: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${dir}/`));
  // Inner mounts were made later.
  for (const path of mounts.reverse()) await runCommand('umount', ['--lazy', path]);
}

async function removeCgroups(parent: string): Promise<void> {
  const hierarchies = await readdir('/sys/fs/cgroup', { withFileTypes: true });
  const roots = [
    '/sys/fs/cgroup',
    ...hierarchies.filter((e) => e.isDirectory()).map((e) => `/sys/fs/cgroup/${e.name}`),
  ];
  for (const root of roots) await removeCgroup(`${root}${parent}`);
}

async function removeCgroup(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeCgroup(join(path, entry.name));
  await rmdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
