import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Processes with networks of their own, ended by `end`. */
export class NetworkProcesses {
  readonly #processes: ChildProcess[] = [];

  /** Runs code of Node in a network namespace of its own until it prints something. */
  async start(code: string): Promise<number> {
    const child = spawn('unshare', ['--net', '--', process.execPath, '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#processes.push(child);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    return child.pid ?? 0;
  }

  end(): void {
    for (const child of this.#processes) child.kill('SIGKILL');
  }
}

/** Answers on TCP ports with the address that it was called from, and on UDP ports with the same. */
export function answering(tcp: readonly number[], udp: readonly number[] = []): string {
  return `const up = [...${JSON.stringify(tcp)}.map((port) => new Promise((resolve) =>
      require('net').createServer((s) => s.end(s.remoteAddress)).listen(port, '0.0.0.0', resolve))),
    ...${JSON.stringify(udp)}.map((port) => new Promise((resolve) => {
      const socket = require('dgram').createSocket('udp4', (m, from) => socket.send(from.address, from.port, from.address));
      socket.bind(port, resolve); }))];
    Promise.all(up).then(() => console.log('up'));`;
}

/** What a connection from inside of a process's network gives; 'no answer' when packets go nowhere. */
export async function connectFrom(pid: number, address: string, port: number): Promise<string> {
  const code = `const s = require('net').connect({ host: '${address}', port: ${port} });
    const timer = setTimeout(() => { console.log(s.connecting ? 'no answer' : 'connected'); process.exit() }, 20_000);
    let text = ''; s.on('data', (d) => text += d).on('end', () => { console.log(text); process.exit() })
    .on('error', (e) => { console.log(e.code); process.exit() })`;
  return await inNetworkOf(pid, code);
}

/** What a datagram from there gives: the answer, or the error that the kernel tells a connected socket. */
export async function sendFrom(pid: number, address: string, port: number): Promise<string> {
  const code = `const u = require('dgram').createSocket('udp4');
    u.on('error', (e) => { console.log(e.code); process.exit() }).on('message', (m) => { console.log(String(m)); process.exit() });
    setTimeout(() => { console.log('no answer'); process.exit() }, 20_000);
    u.connect(${port}, '${address}', () => u.send('x'));`;
  return await inNetworkOf(pid, code);
}

export async function inNetworkOf(pid: number, code: string): Promise<string> {
  const { stdout } = await run('nsenter', ['--net', '--target', String(pid), process.execPath, '-e', code]);
  return stdout.trim();
}

/** A neighbour of this machine: a network namespace that is reached by a link of its own, at the addresses given. */
export function attachNeighbour(pid: number, addresses: readonly string[]): { readonly detach: () => void } {
  const device = `nbr${randomBytes(4).toString('hex')}`;
  const peer = `${device}p`;
  const net = `198.18.${randomInt(256)}`;
  const ip = (...args: string[]): void => void execFileSync('ip', args);
  const within = (...args: string[]): void =>
    void execFileSync('nsenter', ['--net', '--target', String(pid), 'ip', ...args]);
  ip('link', 'add', device, 'type', 'veth', 'peer', 'name', peer);
  ip('link', 'set', peer, 'netns', String(pid));
  ip('addr', 'add', `${net}.1/32`, 'dev', device);
  ip('link', 'set', device, 'up');
  within('link', 'set', 'lo', 'up');
  within('link', 'set', peer, 'up');
  for (const address of addresses) {
    within('addr', 'add', `${address}/32`, 'dev', peer);
    ip('route', 'add', `${address}/32`, 'dev', device, 'src', `${net}.1`);
  }
  within('route', 'add', `${net}.1/32`, 'dev', peer);
  return { detach: () => ip('link', 'del', device) };
}
