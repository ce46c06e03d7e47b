import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { errnoCode } from '../sys/sys-error.ts';

/** Where a program accepts connections. */
export interface Listener {
  /** IPv4 or IPv6; `0.0.0.0` and `::` are all addresses. */
  readonly address: string;
  readonly port: number;
}

const LISTEN = '0A';
/** A program that listens on more is a port scanner's dream; nobody reads them all. */
const MAX_LISTENERS = 1_000;
const V4_IN_V6 = /^0{16}FFFF0000/;

/** What listens in the network namespace of a process; nothing when that has ended. */
export function listenersOf(pid: number): readonly Listener[] {
  const found = ['tcp', 'tcp6'].flatMap((table) => parseSockets(readTable(`/proc/${pid}/net/${table}`)));
  return found.slice(0, MAX_LISTENERS);
}

function readTable(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    // Of a machine without IPv6, or of a process that is gone.
    if (errnoCode(error) === 'ENOENT' || errnoCode(error) === 'ESRCH' || errnoCode(error) === 'EINVAL') return '';
    throw error;
  }
}

/** The listening sockets of a /proc/PID/net/tcp or tcp6 (proc(5)). Lines of any other form are passed over. */
export function parseSockets(table: string): readonly Listener[] {
  return table.split('\n').flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    const [, hex = '', port = ''] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(local) ?? [];
    if (state !== LISTEN || hex === '') return [];
    return [{ address: parseAddress(hex), port: Number.parseInt(port, 16) }];
  });
}

/** Groups of four bytes, each in the byte order of the machine: little-endian on all that Slipway runs on. */
function parseAddress(hex: string): string {
  const groups = hex.match(/.{8}/g) ?? [];
  const bytes = groups.flatMap((group) => (group.match(/../g) ?? []).reverse());
  if (bytes.length === 4) return dotted(bytes);
  if (V4_IN_V6.test(hex)) return dotted(bytes.slice(12));
  const words = Array.from({ length: 8 }, (_, i) => `${bytes[2 * i]}${bytes[2 * i + 1]}`);
  const address = new URL(`http://[${words.join(':')}]/`).hostname.slice(1, -1);
  return isIPv6(address) ? address : words.join(':');
}

function dotted(bytes: readonly string[]): string {
  return bytes.map((byte) => Number.parseInt(byte, 16)).join('.');
}
