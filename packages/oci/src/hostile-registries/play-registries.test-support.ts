import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { createServer as createTlsServer } from 'node:tls';
import { inspect } from 'node:util';
import { selfSigned } from '@slipway/testing';
import { parseReference } from '../reference.ts';
import { RegistryCredentials } from '../registry/credentials.ts';
import type { Deadlines } from '../registry/limits.ts';
import { RegistryClient } from '../registry/registry-client.ts';
import { inspectImage } from '../registry/resolve.ts';
import { ALL, REGISTRY, STRANGER } from './addresses.test-support.ts';
import { HOSTILE_REGISTRIES } from './corpus.test-support.ts';
import { BEARER, IMAGE, LAYER, PASSWORD } from './honest.test-support.ts';
import type {
  Certificate,
  Ending,
  HostileRegistry,
  Play,
  Played,
  Served,
  ServerOptions,
  World,
} from './hostile-registry.test-support.ts';

// Plays all hostile registries and tells of each in a line of JSON. Started by hostile-registries.test.ts in a network
// namespace of its own, in which it takes all kinds of addresses for itself: what must not be reached would be.

/** Short, but long enough for a busy machine to answer what is meant to be answered. */
const DEADLINES: Partial<Deadlines> = {
  connectMs: 1500,
  headersMs: 1500,
  bodyIdleMs: 1500,
  documentMs: 4000,
  probeMs: 1500,
  blobGraceMs: 1500,
};
/** A case that has not ended by then hangs. */
const HUNG_MS = 60_000;
const SIDE_BY_SIDE = 12;

const base64 = (text: string): string => Buffer.from(text).toString('base64');
/** What must not get about: as it is, as Basic has it, as URLs have it, and its distinctive part in any base64. */
const SECRETS: Readonly<Record<string, string>> = {
  password: PASSWORD,
  'basic credentials': base64(`alice:${PASSWORD}`),
  'base64 of the password': base64(PASSWORD).replace(/=*$/, ''),
  'base64 of the password, one byte on': base64(`x${PASSWORD}`).slice(4, -4),
  'base64 of the password, two bytes on': base64(`xx${PASSWORD}`).slice(4, -4),
  'hex of the password': Buffer.from(PASSWORD).toString('hex'),
  token: BEARER,
};

const good = selfSigned([REGISTRY, STRANGER, 'registry.test', 'tokens.registry.test', 'stranger.test', '127.0.0.1']);
const YEAR_MS = 365 * 24 * 3_600_000;

function certificate(kind: Certificate): { readonly keyPem: string; readonly certPem: string } {
  if (kind === 'good') return good;
  const now = Date.now();
  if (kind === 'of another host') return selfSigned(['another.test']);
  const names = ['registry.test', REGISTRY, STRANGER, 'stranger.test'];
  if (kind === 'expired') return selfSigned(names, { from: new Date(now - 2 * YEAR_MS), to: new Date(now - 1000) });
  if (kind === 'not yet valid')
    return selfSigned(names, { from: new Date(now + YEAR_MS), to: new Date(now + 2 * YEAR_MS) });
  return selfSigned(names);
}

/** Authorities that every case trusts. Those of wrong certificates are trusted too, so that what is wrong is what counts. */
const AUTHORITIES = [good.certPem];

class Stage implements World {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly authorities: string[] = [...AUTHORITIES];
  readonly foreign: Served[] = [];
  /** What servers of the case itself stumbled over. */
  readonly faults: string[] = [];

  async serve(handler: Parameters<World['serve']>[0], options: ServerOptions = {}): Promise<Served> {
    const http = createHttpServer((request, response) => {
      response.on('error', () => undefined);
      try {
        handler(request, response);
      } catch (error) {
        this.faults.push(inspect(error));
        response.destroy();
      }
    });
    http.on('clientError', (_error, socket) => socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n'));
    return await this.#listen(options, (socket, keep) => {
      http.emit('connection', socket);
      // After the parser has taken the socket: from here on both get every byte.
      socket.on('data', keep);
    });
  }

  async serveRaw(handler: Parameters<World['serveRaw']>[0], options: ServerOptions = {}): Promise<Served> {
    return await this.#listen(options, (socket, keep) => {
      socket.on('data', keep);
      socket.once('data', (first: Buffer) => handler(socket, first));
    });
  }

  async serveFirst(handler: Parameters<World['serveFirst']>[0], options: ServerOptions = {}): Promise<Served> {
    return await this.#listen(options, (socket, keep) => {
      socket.on('data', keep);
      handler(socket);
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  async #listen(
    { at, tls, trusted }: ServerOptions,
    speak: (socket: Socket, keep: (bytes: Buffer) => void) => void,
  ): Promise<Served> {
    const first = this.#servers.length === 0;
    const host = at ?? (first ? REGISTRY : STRANGER);
    const received: Buffer[] = [];
    let connections = 0;
    const keep = (bytes: Buffer): void => void received.push(Buffer.from(bytes));
    const onSocket = (socket: Socket): void => {
      socket.on('error', () => undefined);
      speak(socket, keep);
    };
    const pair = tls === undefined ? undefined : certificate(tls);
    if (pair !== undefined && tls !== 'of nobody known') this.authorities.push(pair.certPem);
    const server =
      pair === undefined
        ? createServer(onSocket)
        : createTlsServer({ key: pair.keyPem, cert: pair.certPem }, onSocket).on('tlsClientError', () => undefined);
    server.on('connection', (socket: Socket) => {
      connections += 1;
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#servers.push(server);
    server.listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const bare = host.includes(':') ? `[${host}]` : host;
    const served: Served = {
      host,
      port,
      origin: `${pair ? 'https' : 'http'}://${bare}:${port}`,
      connections: () => connections,
      loot: () => Buffer.concat(received).toString('latin1'),
    };
    if (!(trusted ?? first)) this.foreign.push(served);
    return served;
  }
}

/** Names of a case: each look-up of one gets the next answer. */
function resolver(names: Play['names'] = {}): (hostname: string) => Promise<readonly string[]> {
  const asked = new Map<string, number>();
  return async (hostname) => {
    const answers = names[hostname];
    if (answers === undefined) throw Object.assign(new Error(`no such name: ${hostname}`), { code: 'ENOTFOUND' });
    const times = asked.get(hostname) ?? 0;
    asked.set(hostname, times + 1);
    const answer = answers[Math.min(times, answers.length - 1)];
    if (answer === 'never') return await new Promise<never>(() => undefined);
    if (answer instanceof Error) throw answer;
    return answer ?? [];
  };
}

async function ask(play: Play, stage: Stage, steps: string[]): Promise<unknown> {
  const names = {
    localhost: [['127.0.0.1']],
    'registry.test': [[REGISTRY]],
    'stranger.test': [[STRANGER]],
    ...play.names,
  };
  const client = new RegistryClient({
    plainHttp: ['registry.test', REGISTRY],
    retries: { baseMs: 1, capMs: 2, attempts: 2 },
    deadlines: DEADLINES,
    extraAuthorities: stage.authorities,
    lookup: resolver(names),
    ...play.options,
  });
  try {
    const reference = parseReference(`${play.registry}/team/app:v1`);
    const credentials = play.anonymous ? undefined : new RegistryCredentials('alice', PASSWORD);
    const repository = client.repository(reference, { credentials, onStep: (text) => steps.push(text) });
    const platform = { os: 'linux', architecture: 'amd64' };
    const image = await inspectImage(repository, reference, { platform });
    if (image.manifestDigest !== IMAGE.manifest.digest) throw new Error(`another image: ${image.manifestDigest}`);
    if (play.action === 'blob') {
      const bytes = await buffer(await repository.openBlob(LAYER));
      if (!bytes.equals(LAYER.bytes)) throw new Error('other bytes');
    }
    return 'pulled';
  } finally {
    await client.close();
  }
}

async function playOne(registry: HostileRegistry): Promise<Omit<Played, 'title' | 'name'>> {
  const stage = new Stage();
  const steps: string[] = [];
  const began = performance.now();
  const { promise: hung, resolve: giveUp } = Promise.withResolvers<string>();
  const timer = setTimeout(() => giveUp('hung'), HUNG_MS);
  try {
    const asked = registry.play(stage).then((play) => ask(play, stage, steps));
    const result = await Promise.race([asked.catch((error: unknown) => error), hung]);
    const outcome = stage.faults[0] ?? outcomeOf(result);
    const places = [
      ...stage.foreign.map((served) => [`server ${served.origin}`, served.loot()] as const),
      [
        'the error',
        result instanceof Error ? `${inspect(result, { depth: 9 })} ${JSON.stringify(result)}` : '',
      ] as const,
      ['the log', steps.join('\n')] as const,
    ];
    const stolen = places.flatMap(([place, text]) =>
      Object.entries(SECRETS)
        .filter(([, secret]) => text.includes(secret))
        .map(([what]) => `${what} in ${place}`),
    );
    return { outcome, stolen, seconds: (performance.now() - began) / 1000 };
  } finally {
    clearTimeout(timer);
    await stage.close();
  }
}

function outcomeOf(result: unknown): string {
  if (typeof result === 'string') return result;
  if (result instanceof Error && 'code' in result && 'phase' in result) return String(result.code);
  return `not a RegistryError: ${inspect(result)}`;
}

/** Listens where nobody may ever be asked, and elsewhere inside. */
async function setTraps(): Promise<{ readonly sprung: string[]; readonly armed: boolean; close(): void }> {
  const sprung: string[] = [];
  const open = async (port: number): Promise<Server> => {
    const server = createServer((socket) => {
      const from = socket.localAddress ?? '';
      const isTest = (address: string): boolean => [REGISTRY, STRANGER].some((each) => address.endsWith(each));
      if (!isTest(from)) sprung.push(`${from}:${port}`);
      socket.on('error', () => undefined).end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    });
    server.listen({ port, host: '::' });
    await once(server, 'listening');
    return server;
  };
  const servers = [await open(80), await open(443)];
  // They do catch what comes.
  const caught = ALL.filter((address) => ![REGISTRY, STRANGER].includes(address));
  for (const address of caught) {
    const socket = connect(80, address);
    await once(socket.resume(), 'close');
    socket.destroy();
  }
  const armed = sprung.splice(0).length === caught.length;
  return { sprung, armed, close: () => servers.forEach((server) => void server.close()) };
}

function takeAddresses(): void {
  const ip = (...args: readonly string[]): void => void execFileSync('ip', args);
  ip('link', 'set', 'lo', 'up');
  for (const address of ALL) ip('addr', 'add', `${address}/${address.includes(':') ? 128 : 32}`, 'dev', 'lo');
}

const print = (line: Played | Ending): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

takeAddresses();
const traps = await setTraps();
const waiting = HOSTILE_REGISTRIES.flatMap(({ title, registries }) =>
  registries.map((registry) => ({ title, registry })),
);
const pick = process.argv[2];
const chosen = waiting.filter(
  ({ title, registry }) => pick === undefined || `${title}: ${registry.name}`.includes(pick),
);
await Promise.all(
  Array.from({ length: SIDE_BY_SIDE }, async () => {
    for (let next = chosen.shift(); next !== undefined; next = chosen.shift()) {
      const { title, registry } = next;
      print({ title, name: registry.name, ...(await playOne(registry)) });
    }
  }),
);
print({ traps: { armed: traps.armed, sprung: traps.sprung } });
traps.close();
