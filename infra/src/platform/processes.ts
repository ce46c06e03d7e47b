import { join } from 'node:path';
import { natsUserName, type ServiceName } from '@slipway/contracts';
import type { PlatformConfig } from '../config.ts';
import type { ProcessSpec } from '../supervisor/process-spec.ts';
import type { DataDirectory, UserOf } from './data-directory.ts';
import { DROPLET_REGISTRY, type DropletRegistrySettings } from './droplet-registry.ts';
import { SSH_PROXY } from './ssh.ts';

/** The wave in which each process is stopped. NATS is last: the others say goodbye through it. */
const STOP_WAVES = { first: 0, second: 1, last: 2 } as const;
const STOP_DEADLINE_MS = 25_000;
/** The cell ends its containers first, each with its own time to say goodbye (10 s on Cloud Foundry). */
const CELL_STOP_DEADLINE_MS = 60_000;

/** What the processes are told, by name; secrets by the paths of files. */
export interface ProcessContext {
  readonly config: PlatformConfig;
  readonly data: DataDirectory;
  readonly userOf: UserOf;
  /** The checkout as all users can reach it. */
  readonly program: string;
  readonly ports: Readonly<Record<string, number>>;
  /** `<process>/<SETTING>` to the path of the file that holds it. */
  readonly secretFiles: Readonly<Record<string, string>>;
  readonly publicKeys: { readonly stager: string; readonly cell: string };
  /** Undefined when there is no SSH on this platform. */
  readonly ssh?: { readonly port: number; readonly publicKey: string } | undefined;
  /** When there is one; its password is among the secret files of those who use it. */
  readonly dropletRegistry?: DropletRegistrySettings | undefined;
}

/** The ports that the platform needs, by name; loopback all. */
export const portNames: readonly string[] = [
  'nats',
  'registry',
  ...['cloud-controller', 'uaa', 'log-cache'].flatMap((name) => [name, `${name}-health`]),
  ...['stager', 'scheduler', 'cell-rep', 'router', SSH_PROXY].map((name) => `${name}-health`),
  DROPLET_REGISTRY,
];

/** nats-server; `configFile` is made by `renderNatsServerConfig`. */
export function natsProcess(context: ProcessContext, configFile: string): ProcessSpec {
  return {
    ...base(context, 'nats-server'),
    command: 'nats-server',
    args: ['--config', configFile],
    readyUrl: `nats://127.0.0.1:${port(context, 'nats')}`,
    dependsOn: [],
    stopWave: STOP_WAVES.last,
  };
}

/** The registry of the demo: Debian's docker-registry on loopback. */
export function registryProcess(context: ProcessContext, configFile: string): ProcessSpec {
  return {
    ...base(context, 'registry'),
    command: 'docker-registry',
    args: ['serve', configFile],
    readyUrl: `http://127.0.0.1:${port(context, 'registry')}/v2/`,
    dependsOn: [],
    stopWave: STOP_WAVES.second,
  };
}

/** The registry that staging copies images to, when it is the platform's own: the same program, with a password. */
export function dropletRegistryProcess(context: ProcessContext, configFile: string): ProcessSpec {
  return {
    ...base(context, DROPLET_REGISTRY),
    command: 'docker-registry',
    args: ['serve', configFile],
    // Not below /v2/, which wants the password.
    readyUrl: `http://127.0.0.1:${port(context, DROPLET_REGISTRY)}/`,
    dependsOn: [],
    stopWave: STOP_WAVES.second,
  };
}

/** The services, each with its settings (packages/service-kit/README.md). */
export function serviceProcesses(context: ProcessContext): readonly ProcessSpec[] {
  const { config, publicKeys } = context;
  const at = (name: string): string => `http://127.0.0.1:${port(context, name)}`;
  const http = (name: string): Record<string, string> => ({
    LISTEN_HOST: '127.0.0.1',
    LISTEN_PORT: String(port(context, name)),
    ROUTE_HOST: '127.0.0.1',
    EXTERNAL_URL: config.SLIPWAY_EXTERNAL_URL,
    SYSTEM_HOSTS: config.SLIPWAY_SYSTEM_HOSTS.join(','),
  });
  const database = (name: string): Record<string, string> => ({
    DATABASE_URL: `file:${join(context.data.serviceDirectory(name), `${name}.db`)}`,
    ENCRYPTION_KEY_FILE: secret(context, name, 'ENCRYPTION_KEY'),
  });
  const { dropletRegistry, ssh } = context;
  const registries = (name: string): Record<string, string> => ({
    ...dropletRegistry,
    ...optional({ DROPLET_REGISTRY_PASSWORD_FILE: context.secretFiles[`${name}/DROPLET_REGISTRY_PASSWORD`] }),
    INSECURE_REGISTRIES: config.SLIPWAY_INSECURE_REGISTRIES.join(','),
    TRUSTED_TOKEN_HOSTS: config.SLIPWAY_TRUSTED_TOKEN_HOSTS.join(','),
    REGISTRIES_FILE: config.SLIPWAY_REGISTRIES_FILE,
  });
  const stager = context.userOf('stager');
  const uaaUrl = `${at('uaa')}/uaa`;
  return [
    service(context, 'uaa', ['nats-server'], STOP_WAVES.second, {
      ...http('uaa'),
      ...database('uaa'),
      ADMIN_PASSWORD_FILE: secret(context, 'uaa', 'ADMIN_PASSWORD'),
      CLOUD_CONTROLLER_SECRET_FILE: secret(context, 'uaa', 'CLOUD_CONTROLLER_SECRET'),
      ...(ssh === undefined ? {} : { SSH_PROXY_SECRET_FILE: secret(context, 'uaa', 'SSH_PROXY_SECRET') }),
      ...optional({ ACCESS_TOKEN_SECONDS: config.SLIPWAY_ACCESS_TOKEN_SECONDS }),
    }),
    service(context, 'cloud-controller', ['nats-server', 'uaa'], STOP_WAVES.second, {
      ...http('cloud-controller'),
      ...database('cloud-controller'),
      STAGER_PUBLIC_KEY: publicKeys.stager,
      CELL_PUBLIC_KEY: publicKeys.cell,
      APPS_DOMAIN: config.SLIPWAY_APPS_DOMAIN,
      UAA_URL: uaaUrl,
      UAA_CLIENT_SECRET_FILE: secret(context, 'cloud-controller', 'UAA_CLIENT_SECRET'),
      ...(ssh === undefined
        ? {}
        : {
            SSH_ADDRESS: `${new URL(config.SLIPWAY_EXTERNAL_URL).hostname}:${ssh.port}`,
            SSH_HOST_PUBLIC_KEY: ssh.publicKey,
          }),
    }),
    service(context, 'log-cache', ['nats-server', 'uaa'], STOP_WAVES.second, {
      ...http('log-cache'),
      UAA_URL: uaaUrl,
      CLOUD_CONTROLLER_URL: at('cloud-controller'),
    }),
    service(context, 'stager', ['nats-server'], STOP_WAVES.first, {
      ...registries('stager'),
      STAGER_PUBLIC_KEY: publicKeys.stager,
      STAGER_PRIVATE_KEY_FILE: secret(context, 'stager', 'STAGER_PRIVATE_KEY'),
    }),
    service(context, 'scheduler', ['nats-server'], STOP_WAVES.first, {}),
    {
      ...service(context, 'router', ['nats-server'], STOP_WAVES.second, {
        LISTEN_HOST: config.SLIPWAY_LISTEN_HOST,
        LISTEN_PORT: String(config.SLIPWAY_PORT),
        // Opens when the platform's own routes are there: a 404 for `cf api` right after the start would mislead.
        START_ROUTES: startRoutes(config.SLIPWAY_SYSTEM_HOSTS[0]).join(','),
      }),
      bindsLowPorts: config.SLIPWAY_PORT < 1024,
    },
    {
      ...service(context, 'cell-rep', ['nats-server'], STOP_WAVES.first, {
        ...cellPlace(config, context.data),
        ...registries('cell-rep'),
        CELL_PUBLIC_KEY: publicKeys.cell,
        CELL_PRIVATE_KEY_FILE: secret(context, 'cell-rep', 'CELL_PRIVATE_KEY'),
        ...(ssh === undefined ? {} : { CELL_SESSION_KEY_FILE: secret(context, 'cell-rep', 'CELL_SESSION_KEY') }),
        // Whatever a credential helper may read, one user has to be let read it.
        ...optional({ CREDENTIAL_HELPER_USER: stager && `${stager.uid}:${stager.gid}` }),
        // The platform goes as a whole: with it its containers. A rep that is killed alone comes back to them.
        CELL_ON_STOP: 'destroy',
        ...optional({
          CELL_MEMORY_MB: config.SLIPWAY_CELL_MEMORY_MB,
          CELL_DISK_MB: config.SLIPWAY_CELL_DISK_MB,
          LOG_RATE_BYTES_PER_SECOND: config.SLIPWAY_LOG_RATE_BYTES_PER_SECOND,
          LOG_RATE_LINES_PER_SECOND: config.SLIPWAY_LOG_RATE_LINES_PER_SECOND,
          CELL_LOG_LINES_PER_SECOND: config.SLIPWAY_CELL_LOG_LINES_PER_SECOND,
        }),
      }),
      // A cell that cannot create containers just now, as on a full disk, keeps no platform from starting.
      readyUrl: `http://127.0.0.1:${port(context, 'cell-rep-health')}/joined`,
      stopDeadlineMs: CELL_STOP_DEADLINE_MS,
    },
  ];
}

/** Where users log in to instances; undefined when that is off. */
export function sshProxyProcess(context: ProcessContext): ProcessSpec | undefined {
  const { config, ssh } = context;
  if (ssh === undefined) return undefined;
  const defaults = base(context, SSH_PROXY);
  const health = port(context, `${SSH_PROXY}-health`);
  return {
    ...defaults,
    command: nodeOf(context.program),
    args: [SMALL_GENERATION, join(context.program, 'services', SSH_PROXY, 'src/main.ts')],
    env: override(
      {
        ...defaults.env,
        HEALTH_PORT: String(health),
        LISTEN_PORT: 'handed',
        UAA_URL: `http://127.0.0.1:${port(context, 'uaa')}/uaa`,
        UAA_CLIENT_SECRET_FILE: secret(context, SSH_PROXY, 'UAA_CLIENT_SECRET'),
        CLOUD_CONTROLLER_URL: `http://127.0.0.1:${port(context, 'cloud-controller')}`,
        HOST_KEY_FILE: secret(context, SSH_PROXY, 'HOST_KEY'),
        SESSION_KEY_FILE: secret(context, SSH_PROXY, 'SESSION_KEY'),
      },
      config.services[SSH_PROXY] ?? {},
    ),
    readyUrl: `http://127.0.0.1:${health}/readyz`,
    dependsOn: [],
    stopWave: STOP_WAVES.first,
    // Most platforms have nobody who logs in most of the time: a process that waits for them would cost 50 MB.
    door: { host: config.SLIPWAY_LISTEN_HOST, port: ssh.port },
  };
}

/** The routes that the platform itself registers under a host. */
function startRoutes(host: string | undefined): readonly string[] {
  return host === undefined ? [] : [host, `${host}/uaa`, `${host}/api/v1`];
}

/** The command that removes whatever a cell left behind, and its environment. */
export function cellCleaner(context: ProcessContext): Pick<ProcessSpec, 'command' | 'args' | 'env' | 'cwd'> {
  return {
    command: nodeOf(context.program),
    args: [join(context.program, 'services/cell-rep/src/clean.ts')],
    env: { ...environment(context, 'cell-rep'), ...cellPlace(context.config, context.data) },
    cwd: context.data.serviceDirectory('cell-rep'),
  };
}

function cellPlace(config: PlatformConfig, data: DataDirectory): Record<string, string> {
  return {
    CELL_ID: config.SLIPWAY_CELL_ID,
    CELL_DATA_DIR: data.cell,
    ...optional({
      CELL_SUBNET: config.SLIPWAY_CELL_SUBNET,
      CELL_UID_BASE: config.SLIPWAY_CELL_UID_BASE,
      CELL_CONTAINERS: config.SLIPWAY_CELL_CONTAINERS,
    }),
  };
}

function service(
  context: ProcessContext,
  name: ServiceName,
  dependsOn: readonly string[],
  stopWave: number,
  env: Readonly<Record<string, string>>,
): ProcessSpec {
  const health = port(context, `${name}-health`);
  const defaults = base(context, name);
  const given = context.config.services[name] ?? {};
  return {
    ...defaults,
    command: nodeOf(context.program),
    args: [...nodeFlags(name), join(context.program, 'services', name, 'src/main.ts')],
    env: override(
      {
        ...defaults.env,
        NATS_URL: `nats://127.0.0.1:${port(context, 'nats')}`,
        NATS_USER: natsUserName(name, name === 'cell-rep' ? context.config.SLIPWAY_CELL_ID : undefined),
        NATS_PASSWORD_FILE: secret(context, name, 'NATS_PASSWORD'),
        HEALTH_PORT: String(health),
        ...env,
      },
      given,
    ),
    readyUrl: `http://127.0.0.1:${health}/readyz`,
    dependsOn,
    stopWave,
  };
}

/** What the operator has set for a service stands before the platform's own; `X_FILE` stands for `X`, and `X` for it. */
function override(
  env: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const plain = (name: string): string => name.replace(/_FILE$/, '');
  const replaced = new Set(Object.keys(given).map(plain));
  const kept = Object.entries(env).filter(([name]) => !replaced.has(plain(name)));
  return { ...Object.fromEntries(kept), ...given, GIVEN_SETTINGS: Object.keys(given).join(',') };
}

function base(
  context: ProcessContext,
  name: string,
): Pick<ProcessSpec, 'name' | 'env' | 'cwd' | 'stopDeadlineMs'> & { user?: NonNullable<ProcessSpec['user']> } {
  const user = context.userOf(name);
  return {
    name,
    env: environment(context, name),
    cwd: context.data.serviceDirectory(name),
    stopDeadlineMs: STOP_DEADLINE_MS,
    ...(user === undefined ? {} : { user }),
  };
}

/** What every process gets; nothing of the supervisor's own environment but the language and the certificates. */
function environment(context: ProcessContext, name: string): Record<string, string> {
  const own = context.data.serviceDirectory(name);
  return {
    PATH: `${join(context.program, 'node_modules/.bin')}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: own,
    NODE_COMPILE_CACHE: join(own, 'compile-cache'),
    // glibc otherwise makes arenas as it likes for Node's many threads, and gives little of them back: 5 to 10 MB each.
    MALLOC_ARENA_MAX: '2',
    // Large blocks go back at once: else glibc learns from the first hash of a password (19 MiB) to keep such blocks.
    MALLOC_MMAP_THRESHOLD_: '1048576',
    MALLOC_TRIM_THRESHOLD_: '1048576',
    LOG_LEVEL: logLevelOfFiles(context.config),
    ...optional({
      LANG: process.env.LANG,
      TZ: process.env.TZ,
      NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS,
      SSL_CERT_FILE: process.env.SSL_CERT_FILE,
    }),
  };
}

function logLevelOfFiles(config: PlatformConfig): string {
  const level = config.SLIPWAY_LOG_LEVEL;
  return level === 'trace' || level === 'debug' ? level : 'info';
}

function optional(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

const SMALL_GENERATION = '--max-semi-space-size=4';

/**
 * What start-up leaves in a young generation of the default size stays in memory for ever: 5 to 15 MB for each service.
 * The router, which makes garbage with every request, keeps the default.
 */
function nodeFlags(name: ServiceName): readonly string[] {
  return name === 'router' ? [] : [SMALL_GENERATION];
}

function nodeOf(program: string): string {
  return join(program, 'node_modules/.bin/node');
}

function port(context: ProcessContext, name: string): number {
  const found = context.ports[name];
  if (found === undefined) throw new Error(`no port was assigned to ${name}`);
  return found;
}

function secret(context: ProcessContext, process: string, setting: string): string {
  const file = context.secretFiles[`${process}/${setting}`];
  if (file === undefined) throw new Error(`no secret ${setting} was written for ${process}`);
  return file;
}
