import { closeSync } from 'node:fs';
import { endianness } from 'node:os';
import { attempt, calls, must } from './libc.ts';
import { SysError } from './sys-error.ts';

// The kernel speaks the machine's byte order; what follows writes little-endian.
if (endianness() !== 'LE') throw new Error('Only little-endian machines can run cells');

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_ROUTE = 0;
const MSG_DONTWAIT = 0x40;
const NLMSG_ERROR = 2;
const HEADER_BYTES = 16;
const BUFFER_BYTES = 65_536;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;

/** An attribute: a type, and bytes or further attributes. */
export function attribute(type: number, value: Uint8Array | readonly Uint8Array[]): Buffer {
  const payload = value instanceof Uint8Array ? value : Buffer.concat(value);
  const bytes = Buffer.alloc(Math.ceil((4 + payload.length) / 4) * 4);
  bytes.writeUInt16LE(4 + payload.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(payload, 4);
  return bytes;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

/** A NUL-terminated string. */
export function text(value: string): Buffer {
  return Buffer.from(`${value}\0`, 'latin1');
}

/** A request of a type; `what` names it in the error. */
export interface NetlinkRequest {
  readonly what: string;
  readonly type: number;
  readonly flags: number;
  readonly body: readonly Uint8Array[];
  /** errno names that are as good as success, for requests that may have been done before. */
  readonly accept?: readonly string[];
}

/**
 * A route netlink socket (rtnetlink(7)) of the network namespace that the thread is in when it is made. Calls do not
 * block: the kernel carries a request out and answers it within send(2).
 */
export class NetlinkSocket {
  readonly #fd: number;
  #sequence = 0;

  constructor() {
    this.#fd = must('socket', 'netlink', AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE);
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** Carries requests out in order; throws SysError at the first that fails, after which none has been tried. */
  run(requests: readonly NetlinkRequest[]): void {
    for (const request of requests) this.#exchange(request);
  }

  /** The first reply to a request for one object, without its header. */
  get(request: NetlinkRequest): Buffer {
    const reply = this.#exchange(request);
    if (reply === undefined) throw new SysError(request.what, 2, 'no reply');
    return reply;
  }

  #exchange(request: NetlinkRequest): Buffer | undefined {
    this.#sequence += 1;
    const body = Buffer.concat(request.body);
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(HEADER_BYTES + body.length, 0);
    header.writeUInt16LE(request.type, 4);
    header.writeUInt16LE(request.flags | NLM_F_REQUEST | NLM_F_ACK, 6);
    header.writeUInt32LE(this.#sequence, 8);
    const message = Buffer.concat([header, body]);
    must('send', request.what, this.#fd, message, message.length, 0);
    let reply: Buffer | undefined;
    for (;;) {
      const { acknowledged, answer } = this.#receive(request);
      reply ??= answer;
      if (acknowledged) return reply;
    }
  }

  #receive(request: NetlinkRequest): { readonly acknowledged: boolean; readonly answer: Buffer | undefined } {
    const buffer = Buffer.alloc(BUFFER_BYTES);
    const length = Number(calls.recv(this.#fd, buffer, buffer.length, MSG_DONTWAIT));
    if (length < 0) throw new SysError(request.what, attempt('recv', this.#fd, buffer, 0, MSG_DONTWAIT), 'no answer');
    let answer: Buffer | undefined;
    for (let at = 0; at + HEADER_BYTES <= length; ) {
      const size = buffer.readUInt32LE(at);
      if (size < HEADER_BYTES) break;
      const type = buffer.readUInt16LE(at + 4);
      if (type === NLMSG_ERROR) {
        const errno = -buffer.readInt32LE(at + HEADER_BYTES);
        if (errno !== 0) this.#fail(request, errno);
        return { acknowledged: true, answer };
      }
      answer ??= buffer.subarray(at + HEADER_BYTES, at + size);
      at += Math.ceil(size / 4) * 4;
    }
    return { acknowledged: false, answer };
  }

  #fail(request: NetlinkRequest, errno: number): void {
    const error = new SysError(request.what, errno, '');
    if (request.accept?.includes(error.code) !== true) throw error;
  }
}
