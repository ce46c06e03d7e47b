import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFileSync, statSync } from 'node:fs';
import { connect, isIP } from 'node:net';

/** glibc waits 5 s for all of it; two name servers are asked in that time. */
const TRY_MS = 2_000;
const MOST_TRIES = 2;
/** Of all containers, and of each. Each takes a socket. */
const MOST_AT_ONCE = 512;
const MOST_OF_ONE = 64;
const DNS_PORT = 53;
const HEADER_BYTES = 12;

export interface NameServerAddress {
  readonly host: string;
  readonly port: number;
}

/** Asks the host's name servers, for each query by a socket of its own with a port of the kernel's choice. */
export class Forwarder {
  readonly #servers: () => readonly NameServerAddress[];
  readonly #underWay = new Map<string, number>();
  #total = 0;

  constructor(servers: () => readonly NameServerAddress[]) {
    this.#servers = servers;
  }

  /** The answer as it came but for its id; undefined when nobody answered, or too much is asked already. */
  async ask(query: Buffer, over: 'udp' | 'tcp', client: string): Promise<Buffer | undefined> {
    const ofClient = this.#underWay.get(client) ?? 0;
    if (this.#total >= MOST_AT_ONCE || ofClient >= MOST_OF_ONE) return undefined;
    this.#total += 1;
    this.#underWay.set(client, ofClient + 1);
    try {
      return await this.#tryAll(query, over);
    } finally {
      this.#total -= 1;
      const left = (this.#underWay.get(client) ?? 1) - 1;
      if (left === 0) this.#underWay.delete(client);
      else this.#underWay.set(client, left);
    }
  }

  async #tryAll(query: Buffer, over: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    const servers = this.#servers();
    const first = servers[0];
    const tried = servers.length === 1 && first !== undefined ? [first, first] : servers.slice(0, MOST_TRIES);
    for (const server of tried) {
      const id = randomInt(65_536);
      const asked = Buffer.from(query);
      asked.writeUInt16BE(id, 0);
      const answer = await (over === 'udp' ? askByDatagram : askByStream)(asked, server);
      if (answer === undefined) continue;
      query.copy(answer, 0, 0, 2);
      return answer;
    }
    return undefined;
  }
}

/** Is it an answer, and to this very question? */
function answers(answer: Buffer, query: Buffer): boolean {
  if (answer.length < HEADER_BYTES || answer.readUInt16BE(0) !== query.readUInt16BE(0)) return false;
  if (((answer[2] ?? 0) & 0x80) === 0) return false;
  const end = questionEnd(query);
  // Some servers answer with the header alone when something is wrong.
  if (answer.readUInt16BE(4) === 0) return ((answer[3] ?? 0) & 0xf) !== 0;
  const [asked, repeated] = [query.subarray(HEADER_BYTES, end), answer.subarray(HEADER_BYTES, end)];
  return asked.toString('latin1').toLowerCase() === repeated.toString('latin1').toLowerCase();
}

function questionEnd(query: Buffer): number {
  let at = HEADER_BYTES;
  while (at < query.length && query[at] !== 0) at += (query[at] ?? 0) + 1;
  return at + 5;
}

async function askByDatagram(query: Buffer, { host, port }: NameServerAddress): Promise<Buffer | undefined> {
  const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const timer = setTimeout(resolve, TRY_MS, undefined);
  socket.on('error', () => resolve(undefined));
  socket.on('message', (answer) => {
    if (answers(answer, query)) resolve(answer);
  });
  // Connected, so that the kernel takes answers of this server alone, and tells when it is not there.
  socket.connect(port, host, () => socket.send(query));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

async function askByStream(query: Buffer, { host, port }: NameServerAddress): Promise<Buffer | undefined> {
  const socket = connect({ host, port });
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const timer = setTimeout(resolve, TRY_MS, undefined);
  let received = Buffer.alloc(0);
  socket.on('error', () => resolve(undefined));
  socket.on('close', () => resolve(undefined));
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < 2) return;
    const length = received.readUInt16BE(0);
    if (received.length < length + 2) return;
    const answer = Buffer.from(received.subarray(2, length + 2));
    resolve(answers(answer, query) ? answer : undefined);
  });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length, 0);
  socket.write(Buffer.concat([length, query]));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** The name servers of a resolv.conf, read again when the file is another. Without one, the machine itself, as in glibc. */
export function serversOf(path: string): () => readonly NameServerAddress[] {
  let version = '';
  let servers: readonly NameServerAddress[] = [];
  return () => {
    const { mtimeMs, ino, size } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0, ino: 0, size: 0 };
    const now = `${mtimeMs} ${ino} ${size}`;
    if (now !== version) {
      version = now;
      servers = ino === 0 ? [] : parseServers(readFileSync(path, 'utf8'));
    }
    return servers.length > 0 ? servers : [{ host: '127.0.0.1', port: DNS_PORT }];
  };
}

export function parseServers(text: string): NameServerAddress[] {
  return text.split('\n').flatMap((line) => {
    const [word, host = ''] = line.trim().split(/\s+/);
    return word === 'nameserver' && isIP(host.split('%')[0] ?? '') !== 0 ? [{ host, port: DNS_PORT }] : [];
  });
}
