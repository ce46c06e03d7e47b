import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { RegistryHandle } from './registry-handle.ts';
import { RegistryLog } from './registry-log.ts';
import {
  startTokenServer,
  type TokenRequest,
  type TokenServer,
  type TokenServerOptions,
} from './registry-token-server.ts';
import { selfSigned } from './self-signed.ts';

export type RegistryAuth =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | ({ readonly kind: 'token' } & TokenServerOptions);

export interface RegistryOptions {
  readonly auth?: RegistryAuth;
  /** Default: any free port. */
  readonly port?: number;
  /** Where it keeps its data; kept after `stop`. Default: a directory that is removed. */
  readonly storage?: string;
  /** Take schema 1 manifests, which distribution does no longer by itself. */
  readonly schema1?: boolean;
  /** Serve https with a certificate for 127.0.0.1 and localhost that nobody knows. */
  readonly tls?: boolean;
  /** With `tls`: the PEM of the authority whose client certificates it wants. */
  readonly clientAuthority?: string;
}

export interface RegistryProcess extends RegistryHandle {
  readonly kind: 'process';
  readonly pid: number;
  /** The PEM of the certificate with `tls`. */
  readonly certificate: string | undefined;
  /** What the token server was asked with token authentication. */
  readonly tokenRequests: readonly TokenRequest[];
  /** Requests that the registry answered, oldest first: `GET /v2/a/manifests/b 200`. They come a moment after the answers. */
  readonly requests: readonly string[];
  /** The same, when all that were answered by now are among them. */
  asked(): Promise<readonly string[]>;
  /** SIGKILL: the registry is gone, its data stays until `stop`. */
  kill(): Promise<void>;
}

const BINARY = 'docker-registry';

/** Starts Debian's `docker-registry` (CNCF Distribution) on loopback. It dies with this process. */
export async function startRegistry(options: RegistryOptions = {}): Promise<RegistryProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-registry-'));
  const tokens = options.auth?.kind === 'token' ? await startTokenServer(options.auth) : undefined;
  const tls = options.tls ? selfSigned(['localhost', '127.0.0.1']) : undefined;
  const configFile = join(directory, 'config.json');
  const config = {
    version: 0.1,
    log: { accesslog: { disabled: false }, level: 'info', formatter: 'json' },
    storage: {
      filesystem: { rootdirectory: options.storage ?? join(directory, 'storage') },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: {
      addr: `127.0.0.1:${options.port ?? 0}`,
      secret: randomBytes(16).toString('hex'),
      ...(tls
        ? {
            tls: {
              certificate: await write(directory, 'tls.crt', tls.certPem),
              key: await write(directory, 'tls.key', tls.keyPem),
              ...(options.clientAuthority === undefined
                ? {}
                : { clientcas: [await write(directory, 'client-ca.crt', options.clientAuthority)] }),
            },
          }
        : {}),
    },
    ...(options.schema1 ? { compatibility: { schema1: { enabled: true } } } : {}),
    ...(await authConfig(directory, options.auth, tokens)),
  };
  // YAML takes JSON as it is.
  await writeFile(configFile, JSON.stringify(config), { mode: 0o600 });
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', BINARY, 'serve', configFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Tracing exporters of distribution 3 would call out.
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
  });
  const log = new RegistryLog();
  const clean = async (): Promise<void> => {
    await kill(child);
    await tokens?.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const port = await listening(child, log);
    return {
      kind: 'process',
      reason: `${BINARY} as a plain process`,
      host: '127.0.0.1',
      port,
      address: `127.0.0.1:${port}`,
      pid: child.pid ?? 0,
      certificate: tls?.certPem,
      tokenRequests: tokens?.requests ?? [],
      requests: log.requests,
      asked: () => log.caughtUp(`${tls ? 'https' : 'http'}://127.0.0.1:${port}`),
      kill: () => kill(child),
      stop: clean,
    };
  } catch (error) {
    await clean();
    throw error;
  }
}

async function authConfig(
  directory: string,
  auth: RegistryAuth | undefined,
  tokens: TokenServer | undefined,
): Promise<object> {
  if (auth?.kind === 'basic') {
    const line = `${auth.username}:${await bcrypt(auth.password)}\n`;
    return { auth: { htpasswd: { realm: 'test', path: await write(directory, 'htpasswd', line) } } };
  }
  if (tokens) {
    const { realm, service, issuer, signer } = tokens;
    const rootcertbundle = await write(directory, 'token.crt', signer.certPem);
    return { auth: { token: { realm, service, issuer, rootcertbundle } } };
  }
  return {};
}

async function write(directory: string, name: string, content: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content, { mode: 0o600 });
  return path;
}

/** distribution takes bcrypt only, which Node has not; libcrypt has, and perl (essential in Debian) lends it. */
async function bcrypt(password: string): Promise<string> {
  const salt = randomBytes(22).toString('base64url').replace(/[-_]/g, '.').slice(0, 22);
  const child = execFile('perl', ['-e', `chomp(my $p = <STDIN>); print crypt($p, '$2y$05$${salt}')`]);
  const output: string[] = [];
  child.stdout?.on('data', (text: string) => output.push(text));
  child.stdin?.end(`${password}\n`);
  const [code] = (await once(child, 'close')) as [number | null];
  const hash = output.join('');
  if (code !== 0 || !hash.startsWith('$2y$')) {
    throw new Error(`perl cannot make a bcrypt hash (status ${code})`);
  }
  return hash;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Resolves with the port when the registry says that it listens; keeps reading its log afterwards. */
async function listening(child: ChildProcess, log: RegistryLog): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const seen: string[] = [];
  const read = (line: string): void => {
    if (seen.length < 50) {
      seen.push(line);
    }
    const port = /listening on [^"]*:(\d+)/.exec(line)?.[1];
    if (port !== undefined) {
      resolve(Number(port));
    }
    log.read(line);
  };
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) {
      createInterface({ input: stream }).on('line', read);
    }
  }
  child.once('error', (cause) =>
    reject(new Error(`cannot start ${BINARY}: apt-get install docker-registry util-linux`, { cause })),
  );
  child.once('exit', (code, signal) =>
    reject(new Error(`${BINARY} ended with ${code ?? signal}:\n${seen.join('\n')}`)),
  );
  return promise;
}
