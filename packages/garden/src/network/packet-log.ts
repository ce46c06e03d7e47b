import { closeSync } from 'node:fs';
import { calls, must } from '../sys/libc.ts';
import { attribute } from '../sys/netlink.ts';
import { SysError } from '../sys/sys-error.ts';
import { ACCEPTED } from './firewall.ts';

/** A connection that a container tried to open. */
export interface PacketNews {
  readonly verdict: 'accepted' | 'refused';
  /** tcp, udp, icmp, or the number of another protocol. */
  readonly protocol: string;
  readonly source: string;
  readonly destination: string;
  /** Of tcp and udp. */
  readonly port: number | undefined;
}

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_NETFILTER = 12;
const MSG_DONTWAIT = 0x40;
const HEADER_BYTES = 16;
const GENERIC_BYTES = 4;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLMSG_ERROR = 2;
/** linux/netfilter/nfnetlink_log.h */
const ULOG = { packet: 0x0400, config: 0x0401 } as const;
const NFULA = { cfgCommand: 1, cfgMode: 2, payload: 9, prefix: 10 } as const;
const BIND = 1;
const COPY_PACKET = 2;
/** Of each packet: IP header with options, and the ports. */
const COPIED_BYTES = 128;
const POLL_MS = 250;
const BUFFER_BYTES = 65_536;

/** Reads what the kernel tells in one nflog group. Asked from time to time, for Node cannot wait for such a socket. */
export class PacketLog {
  readonly #fd: number;
  readonly #timer: NodeJS.Timeout;
  readonly #buffer: Buffer = Buffer.alloc(BUFFER_BYTES);

  constructor(group: number, listener: (news: PacketNews) => void) {
    this.#fd = must('socket', 'nflog', AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_NETFILTER);
    try {
      this.#configure(group, attribute(NFULA.cfgCommand, Buffer.from([BIND])));
      this.#configure(group, attribute(NFULA.cfgMode, Buffer.from([0, 0, 0, COPIED_BYTES, COPY_PACKET, 0])));
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
    this.#timer = setInterval(() => this.#read(listener), POLL_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
    closeSync(this.#fd);
  }

  #configure(group: number, body: Buffer): void {
    const message = Buffer.alloc(HEADER_BYTES + GENERIC_BYTES);
    message.writeUInt32LE(message.length + body.length, 0);
    message.writeUInt16LE(ULOG.config, 4);
    message.writeUInt16LE(NLM_F_REQUEST | NLM_F_ACK, 6);
    message.writeUInt16BE(group, HEADER_BYTES + 2);
    must('send', 'nflog', this.#fd, Buffer.concat([message, body]), message.length + body.length, 0);
    const length = Number(calls.recv(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT));
    const answered = length >= HEADER_BYTES + 4 && this.#buffer.readUInt16LE(4) === NLMSG_ERROR;
    const errno = answered ? -this.#buffer.readInt32LE(HEADER_BYTES) : 5;
    if (errno !== 0) throw new SysError(`read the packets of nflog group ${group}`, errno, '');
  }

  #read(listener: (news: PacketNews) => void): void {
    for (;;) {
      const length = Number(calls.recv(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT));
      // Nothing there; or (ENOBUFS) more than the socket holds, of which the rest is there.
      if (length <= 0) return;
      for (const news of packetsOf(this.#buffer.subarray(0, length))) listener(news);
    }
  }
}

/** The packets that a message of the kernel tells of. */
export function packetsOf(message: Buffer): PacketNews[] {
  const found: PacketNews[] = [];
  for (let at = 0; at + HEADER_BYTES + GENERIC_BYTES <= message.length; ) {
    const size = message.readUInt32LE(at);
    if (size < HEADER_BYTES + GENERIC_BYTES || at + size > message.length) break;
    if (message.readUInt16LE(at + 4) === ULOG.packet) {
      const fields = attributesOf(message.subarray(at + HEADER_BYTES + GENERIC_BYTES, at + size));
      const news = newsOf(fields.get(NFULA.prefix), fields.get(NFULA.payload));
      if (news !== undefined) found.push(news);
    }
    at += Math.ceil(size / 4) * 4;
  }
  return found;
}

function attributesOf(bytes: Buffer): Map<number, Buffer> {
  const fields = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const size = bytes.readUInt16LE(at);
    if (size < 4 || at + size > bytes.length) break;
    fields.set(bytes.readUInt16LE(at + 2) & 0x3fff, bytes.subarray(at + 4, at + size));
    at += Math.ceil(size / 4) * 4;
  }
  return fields;
}

const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp' };
const IPV4_BYTES = 20;

function newsOf(prefix: Buffer | undefined, packet: Buffer | undefined): PacketNews | undefined {
  if (packet === undefined || packet.length < IPV4_BYTES || packet.readUInt8(0) >> 4 !== 4) return undefined;
  const header = (packet.readUInt8(0) & 0x0f) * 4;
  const number = packet.readUInt8(9);
  const protocol = PROTOCOLS[number] ?? String(number);
  const ported = (protocol === 'tcp' || protocol === 'udp') && packet.length >= header + 4;
  return {
    verdict: prefix?.toString('latin1').startsWith(ACCEPTED) === true ? 'accepted' : 'refused',
    protocol,
    source: packet.subarray(12, 16).join('.'),
    destination: packet.subarray(16, 20).join('.'),
    port: ported ? packet.readUInt16BE(header + 2) : undefined,
  };
}
