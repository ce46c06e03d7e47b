import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type OptAnswer,
  type Packet,
  type Question,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  streamEncode,
} from 'dns-packet';
import type { Answer } from '../../domain/names/zone.ts';

/** RFC 1035: without EDNS no answer over UDP is longer. */
const PLAIN_UDP_BYTES = 512;
/** What passes any link whole (DNS flag day 2020). */
const EDNS_UDP_BYTES = 1_232;
/** RCODEs of RFC 1035. */
const RCODE = { formatError: 1, serverFailure: 2, noSuchName: 3, notImplemented: 4 } as const;
const HEADER_BYTES = 12;

export interface Query {
  readonly packet: Packet;
  readonly question: Question;
  /** Whether it has an OPT record, and so how long an answer over UDP may be. */
  readonly edns: boolean;
  readonly udpBytes: number;
}

/** `unreadable`: what to answer, if anything. */
export type ReadQuery =
  | ({ readonly kind: 'query' } & Query)
  | { readonly kind: 'unreadable'; readonly reply: Buffer | undefined };

/** Reads what a container sent, which may be anything. */
export function readQuery(bytes: Buffer): ReadQuery {
  // What is no query is never answered: two servers would talk for ever.
  if (bytes.length < HEADER_BYTES || (bytes[2] ?? 0) & 0x80) return { kind: 'unreadable', reply: undefined };
  const opcode = ((bytes[2] ?? 0) >> 3) & 0xf;
  if (opcode !== 0) return { kind: 'unreadable', reply: bareReply(bytes, RCODE.notImplemented) };
  let packet: Packet;
  try {
    packet = decode(bytes);
  } catch {
    return { kind: 'unreadable', reply: bareReply(bytes, RCODE.formatError) };
  }
  const [question] = packet.questions ?? [];
  if (question === undefined || packet.questions?.length !== 1) {
    return { kind: 'unreadable', reply: bareReply(bytes, RCODE.formatError) };
  }
  const opt = packet.additionals?.find((record) => record.type === 'OPT');
  const asked = opt !== undefined && 'udpPayloadSize' in opt ? opt.udpPayloadSize : 0;
  const udpBytes = Math.min(Math.max(asked, PLAIN_UDP_BYTES), EDNS_UDP_BYTES);
  return { kind: 'query', packet, question, edns: opt !== undefined, udpBytes };
}

/**
 * What is known here, with a life of 0 s as on Cloud Foundry. Over UDP as many addresses as there is room for, each time
 * in another order: a client that wants one has one.
 */
export function ownReply(query: Query, answer: Exclude<Answer, { kind: 'elsewhere' }>, over: 'udp' | 'tcp'): Buffer {
  const { packet, question } = query;
  const addresses = answer.kind === 'addresses' ? shuffled(answer.addresses) : [];
  const reply = (count: number): Packet => ({
    type: 'response',
    id: packet.id ?? 0,
    flags:
      AUTHORITATIVE_ANSWER |
      RECURSION_AVAILABLE |
      ((packet.flags ?? 0) & RECURSION_DESIRED) |
      (answer.kind === 'no-such-name' ? RCODE.noSuchName : 0),
    questions: [question],
    answers: addresses
      .slice(0, count)
      .map((data) => ({ name: question.name, type: 'A', class: 'IN', ttl: 0, data }) as const),
    ...(query.edns ? { additionals: [OPT] } : {}),
  });
  if (over === 'tcp') return streamEncode(reply(addresses.length));
  let bytes = encode(reply(addresses.length));
  for (let count = addresses.length; bytes.length > query.udpBytes && count > 0; ) {
    count = Math.min(count - 1, Math.floor((count * query.udpBytes) / bytes.length));
    bytes = encode(reply(count));
  }
  return bytes;
}

const OPT: OptAnswer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: EDNS_UDP_BYTES,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

/** Nobody who could say answered. */
export function failureReply({ packet, question }: Query): Buffer {
  const flags = RECURSION_AVAILABLE | ((packet.flags ?? 0) & RECURSION_DESIRED) | RCODE.serverFailure;
  return encode({ type: 'response', id: packet.id ?? 0, flags, questions: [question] });
}

/** The same to what makes answering it fail. */
export function brokenReply(query: Buffer): Buffer {
  return bareReply(query, RCODE.serverFailure);
}

/** The header of a query as an answer. */
function bareReply(query: Buffer, rcode: number): Buffer {
  const reply = Buffer.alloc(HEADER_BYTES);
  query.copy(reply, 0, 0, 3);
  reply.writeUInt8((reply[2] ?? 0) | 0x80, 2);
  reply.writeUInt8(0x80 | rcode, 3);
  return reply;
}

function shuffled(addresses: readonly string[]): string[] {
  const order = [...addresses];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j] ?? '', order[i] ?? ''];
  }
  return order;
}
