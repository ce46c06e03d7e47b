import { closeSync } from 'node:fs';
import { isIPv6, Socket } from 'node:net';
import { endianness } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { attempt, must } from './libc.ts';
import { inNetworkNamespace } from './network-namespace.ts';
import { SysError } from './sys-error.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

/** Errno numbers of Linux, the same on x86-64 and arm64. */
const EISCONN = 106;
const EALREADY = 114;
const EINPROGRESS = 115;

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;

/** Opens a TCP connection from within a network namespace. `address` is IPv4 or IPv6. Throws SysError, or the signal's reason. */
export async function connectInNamespace(
  namespace: string,
  address: string,
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  signal.throwIfAborted();
  const target = socketAddress(address, port);
  const family = isIPv6(address) ? AF_INET6 : AF_INET;
  const fd = inNetworkNamespace(namespace, () =>
    must('socket', 'TCP', family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
  );
  try {
    // A socket stays in the namespace that it was made in. Asking again is how to learn what became of it.
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      const errno = attempt('connect', fd, target, target.length);
      if (errno === 0 || errno === EISCONN) break;
      if (errno !== EINPROGRESS && errno !== EALREADY) throw new SysError('connect', errno, `${address}:${port}`);
      await delay(pause, undefined, { signal });
    }
    return new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** `struct sockaddr_in` or `sockaddr_in6`. */
function socketAddress(address: string, port: number): Buffer {
  const bytes = Buffer.alloc(isIPv6(address) ? 28 : 16);
  if (endianness() === 'LE') bytes.writeUInt16LE(isIPv6(address) ? AF_INET6 : AF_INET, 0);
  else bytes.writeUInt16BE(isIPv6(address) ? AF_INET6 : AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  if (isIPv6(address)) ipv6Bytes(address).copy(bytes, 8);
  else Buffer.from(address.split('.').map(Number)).copy(bytes, 4);
  return bytes;
}

function ipv6Bytes(address: string): Buffer {
  // The URL parser writes any form as the shortest of hexadecimal groups.
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((each) => Number.parseInt(each, 16));
  const front = groups(head);
  const back = groups(tail ?? '');
  const all = [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
  const bytes = Buffer.alloc(16);
  for (const [index, group] of all.entries()) bytes.writeUInt16BE(group, index * 2);
  return bytes;
}
