import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ABSTRACT_SOCKET,
  HOST_ADDRESS,
  HOST_PORT,
  METADATA_ADDRESS,
  NATS_PORT,
  OUTSIDE_ADDRESS,
  OUTSIDE_PORT,
  REGISTRY_PORT,
} from './sealed-addresses.ts';

/** A machine to try isolation on: this process's network and mounts are its own, and things worth reaching are there. */
export interface SealedMachine {
  /** What `secret` in the outside directory, and this process's environment, have. */
  readonly secret: readonly [string, string];
  /** A directory of the host that everybody may read. */
  readonly outside: string;
  /** Where a cell may keep its layers; removed at the end. */
  readonly cellDirectory: string;
  /** Throws when something in `outside` is not as it was. */
  checkOutside(): void;
  close(): Promise<void>;
}

/** A part of the secret that only the sealed process's environment has. */
const SECRET_VARIABLE = 'SLIPWAY_PROBED_SECRET';

/**
 * Runs a program of this repository as root in network and mount namespaces of its own, and gives what it said in its
 * last line, in JSON. It finds its machine by `openSealedMachine`. Whatever it does to devices, addresses and firewall is
 * gone with it.
 */
export async function runSealed(program: string, args: readonly string[] = []): Promise<unknown> {
  const child = spawn('unshare', ['--net', '--mount', '--', process.execPath, program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, [SECRET_VARIABLE]: randomBytes(16).toString('hex') },
  });
  let said = '';
  let complained = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    said += more;
  });
  child.stderr.setEncoding('utf8').on('data', (more: string) => {
    complained = (complained + more).slice(-20_000);
  });
  const [status] = (await once(child, 'close')) as [number | null];
  const last = said.trim().split('\n').at(-1) ?? '';
  if (status !== 0) throw new Error(`${program} ended with ${status}:\n${complained}`);
  return JSON.parse(last);
}

/** For a program that `runSealed` started. */
export async function openSealedMachine(): Promise<SealedMachine> {
  const whole = process.env[SECRET_VARIABLE];
  if (whole === undefined) throw new Error('a sealed machine is for a process that runSealed started');
  const secret = [whole.slice(0, 16), whole.slice(16)] as const;
  const outside = mkdtempSync(join(tmpdir(), 'slipway-outside-'));
  chmodSync(outside, 0o755);
  const cellDirectory = mkdtempSync(join(tmpdir(), 'slipway-isolated-cell-'));
  for (const name of ['secret', 'hosts', 'hostname', 'resolv.conf', 'program']) {
    writeFileSync(join(outside, name), whole, { mode: name === 'program' ? 0o755 : 0o644 });
  }
  showOwnNetworkInSysfs();
  const world = await startWorld();
  const nats = await startNatsServer();
  const servers = await Promise.all([
    greet({ host: '0.0.0.0', port: HOST_PORT }),
    greet({ host: '0.0.0.0', port: REGISTRY_PORT }),
    greet({ path: `\0${ABSTRACT_SOCKET}` }),
  ]);
  return {
    secret,
    outside,
    cellDirectory,
    checkOutside: () => {
      const now = readdirSync(outside).toSorted();
      const touched = now.filter((name) => readFileSync(join(outside, name), 'latin1') !== whole);
      if (now.length !== 5 || touched.length > 0) throw new Error(`${outside} has changed: ${now} ${touched}`);
    },
    close: async () => {
      for (const server of servers) server.close();
      for (const child of [world, nats]) await ended(child);
      for (const directory of [outside, cellDirectory]) rmSync(directory, { recursive: true });
    },
  };
}

/** sysfs shows the network of whoever mounted it: once more, with the cgroups of the old one. */
function showOwnNetworkInSysfs(): void {
  const aside = mkdtempSync(join(tmpdir(), 'slipway-cgroups-'));
  execFileSync('mount', ['--rbind', '/sys/fs/cgroup', aside]);
  execFileSync('umount', ['--recursive', '--lazy', '/sys']);
  execFileSync('mount', ['-t', 'sysfs', 'sysfs', '/sys']);
  execFileSync('mount', ['--rbind', aside, '/sys/fs/cgroup']);
  execFileSync('umount', ['--recursive', '--lazy', aside]);
  rmdirSync(aside);
  mkdirSync('/run/lock', { recursive: true }); // iptables wants it
}

/** An uplink, and somebody at its other end who answers at the addresses of the world and of a cloud's metadata. */
async function startWorld(): Promise<ChildProcess> {
  const ip = (...args: readonly string[]): Buffer => execFileSync('ip', args);
  const server = `require('net').createServer((s) => s.on('error', () => {}).end('world\\n')).listen(${OUTSIDE_PORT}, () => console.log('ready'))`;
  const script = `echo in; read _; ip link set lo up; ip link set world up; ip addr add 203.0.113.1/24 dev world
    ip addr add ${OUTSIDE_ADDRESS}/32 dev lo; ip addr add ${METADATA_ADDRESS}/32 dev lo; exec "$0" -e "$1"`;
  const world = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', '--', 'unshare', '--net', '--', 'sh', '-c', script, process.execPath, server],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  await once(world.stdout, 'data');
  ip('link', 'set', 'lo', 'up');
  ip('link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'world', 'netns', String(world.pid));
  ip('addr', 'add', `${HOST_ADDRESS}/24`, 'dev', 'uplink');
  ip('link', 'set', 'uplink', 'up');
  ip('route', 'add', 'default', 'via', '203.0.113.1');
  world.stdin.end('\n');
  await once(world.stdout, 'data');
  return world;
}

async function startNatsServer(): Promise<ChildProcess> {
  const args = ['--pdeathsig', 'KILL', '--', 'nats-server', '-a', '0.0.0.0', '-p', String(NATS_PORT)];
  const nats = spawn('setpriv', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    // Read to its end: a Go program dies of a closed standard error.
    nats.stderr.setEncoding('utf8').on('data', (more: string) => {
      if (said.length < 20_000) said += more;
      if (said.includes('Server is ready')) resolve();
    });
    nats.once('exit', () => reject(new Error(`nats-server ended:\n${said}`)));
    nats.once('error', reject);
  });
  return nats;
}

async function greet(
  where: { readonly host: string; readonly port: number } | { readonly path: string },
): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined).end('host\n')).listen(where);
  await once(server, 'listening');
  return server;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
