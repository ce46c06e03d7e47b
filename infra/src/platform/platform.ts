import { randomBytes } from 'node:crypto';
import { chmod, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keepTopology, type TopologyKeeper } from '@slipway/bus';
import { renderNatsServerConfig, serviceNames } from '@slipway/contracts';
import { createLogger, describeError, Secret } from '@slipway/service-kit';
import type { PlatformConfig } from '../config.ts';
import { repositoryRoot } from '../process/repository-root.ts';
import { runCommand } from '../process/run-command.ts';
import type { ProcessSpec } from '../supervisor/process-spec.ts';
import type { ProcessEvents } from '../supervisor/supervised-process.ts';
import { Supervisor } from '../supervisor/supervisor.ts';
import { DataDirectory, type ServiceUser } from './data-directory.ts';
import { DROPLET_REGISTRY, dropletRegistryUsers, prepareDropletRegistry } from './droplet-registry.ts';
import { type InstanceLock, lockCell, lockDataDirectory, type PlatformStatus } from './instance-lock.ts';
import { describePortOwner } from './port-owner.ts';
import { assignPorts, listenProblem } from './ports.ts';
import {
  cellCleaner,
  dropletRegistryProcess,
  natsProcess,
  type ProcessContext,
  portNames,
  registryProcess,
  serviceProcesses,
  sshProxyProcess,
} from './processes.ts';
import { assertReadable, mountProgram, unmountProgram } from './program-mount.ts';
import { renderRegistryConfig } from './registry-config.ts';
import { loadSecrets, type PlatformSecrets } from './secrets.ts';
import { newSshSecrets, publicHostKey, SSH_PROXY } from './ssh.ts';

/** The user of NATS who makes the streams. */
const OPERATOR = 'operator';
/** Cloud Foundry's. */
const DEFAULT_SSH_PORT = 2222;
const CLEAN_DEADLINE_MS = 60_000;
/** Each runs as a uid of its own, in this order from SLIPWAY_UID_BASE on. Append only: uids own files. */
const USERS = [
  'nats-server',
  'registry',
  ...serviceNames.filter((name) => name !== 'cell-rep'),
  DROPLET_REGISTRY,
  SSH_PROXY,
] as const;

export interface PlatformOptions {
  readonly config: PlatformConfig;
  /** Run a registry too, for the demo. */
  readonly registry: boolean;
  /** What the supervisor hears of each process. */
  readonly events: (process: string) => ProcessEvents;
  readonly asRoot: boolean;
}

/** What a start found out. */
export interface StartedPlatform {
  readonly adminPassword: string;
  /** The password was made by this start. */
  readonly passwordIsNew: boolean;
  /** `127.0.0.1:PORT` when there is one. */
  readonly registryAddress: string | undefined;
}

/** The whole platform on one machine: its data directory, its bus, its services. */
export class Platform {
  readonly #options: PlatformOptions;
  readonly #data: DataDirectory;
  readonly #locks: InstanceLock[] = [];
  #mounted = false;
  #supervisor: Supervisor | undefined;
  #topology: TopologyKeeper | undefined;
  #cleaner: ReturnType<typeof cellCleaner> | undefined;
  /** The configuration is written at each start, so nobody has to keep it. */
  readonly #operatorPassword = randomBytes(24).toString('base64url');
  #ready = false;
  #starting: Promise<StartedPlatform> | undefined;

  constructor(options: PlatformOptions) {
    this.#options = options;
    this.#data = new DataDirectory(options.config.SLIPWAY_DATA_DIR, (process) => this.#userOf(process));
  }

  get data(): DataDirectory {
    return this.#data;
  }

  get status(): PlatformStatus {
    const processes = (this.#supervisor?.statuses ?? []).map(({ pid, ...rest }) => ({
      ...rest,
      ...(pid === undefined ? {} : { pid }),
    }));
    return { pid: process.pid, url: this.#options.config.SLIPWAY_EXTERNAL_URL, ready: this.#ready, processes };
  }

  /** Resolves when everything is ready. Throws when it will not be, or the signal's reason; call `stop` in either case. */
  start(signal: AbortSignal): Promise<StartedPlatform> {
    const starting = this.#start(signal);
    this.#starting = starting;
    return starting;
  }

  async #start(signal: AbortSignal): Promise<StartedPlatform> {
    const { config, asRoot } = this.#options;
    const data = this.#data;
    await data.create();
    this.#locks.push(await lockDataDirectory(data.root, () => this.status));
    if (asRoot) this.#locks.push(await lockCell(config.SLIPWAY_CELL_ID, () => this.status));
    await this.#assertPortIsFree();
    const sshPort = await this.#findSshPort();
    signal.throwIfAborted();
    const { secrets, generated } = await loadSecrets(data.secretsFile, config.SLIPWAY_ADMIN_PASSWORD?.reveal());
    const ports = await assignPorts(join(data.root, 'ports.json'), portNames);
    if (asRoot) await this.#showProgram();
    const droplets = await prepareDropletRegistry(config, data, ports[DROPLET_REGISTRY] as number);
    const context: ProcessContext = {
      config,
      data,
      userOf: (process) => this.#userOf(process),
      program: asRoot ? data.app : repositoryRoot,
      ports,
      secretFiles: await this.#writeSecrets(secrets, droplets?.password),
      dropletRegistry: droplets?.settings,
      ssh: sshPort === undefined ? undefined : { port: sshPort, publicKey: publicHostKey(secrets.sshHostKey) },
      publicKeys: { stager: secrets.stagerKeys.publicKey, cell: secrets.cellKeys.publicKey },
    };
    const specs = [
      ...(await this.#processes(context, secrets)),
      ...[sshProxyProcess(context)].filter((spec) => spec !== undefined),
      ...(droplets?.configFile === undefined ? [] : [dropletRegistryProcess(context, droplets.configFile)]),
    ];
    for (const spec of specs) await data.createServiceDirectory(spec.name);
    if (asRoot) this.#cleaner = cellCleaner(context);
    await this.#cleanAfterCrash(signal);
    signal.throwIfAborted();
    this.#supervisor = new Supervisor(specs, this.#options.events);
    this.#topology = this.#keepTopology(context);
    await this.#supervisor.start(signal);
    this.#ready = true;
    return {
      adminPassword: secrets.adminPassword,
      passwordIsNew: generated && config.SLIPWAY_ADMIN_PASSWORD === undefined,
      registryAddress: this.#options.registry ? `127.0.0.1:${ports.registry}` : undefined,
    };
  }

  /**
   * Ends all processes, and removes what they left on the machine. Idempotent. In the middle of a start, abort that
   * start's signal first: this waits for its end.
   */
  async stop(): Promise<void> {
    // Why the start failed was told to whoever started.
    await this.#starting?.catch(() => undefined);
    this.#ready = false;
    const supervisor = this.#supervisor;
    this.#supervisor = undefined;
    // Each step is tried, whatever becomes of the one before.
    const failures: unknown[] = [];
    const attempt = async (step: () => Promise<void> | undefined): Promise<void> => {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    };
    await attempt(() => this.#topology?.stop());
    this.#topology = undefined;
    await attempt(() => supervisor?.stop());
    if (supervisor !== undefined) await attempt(() => this.#clean());
    if (this.#mounted) await attempt(() => unmountProgram(this.#data.app));
    this.#mounted = false;
    for (const lock of this.#locks.splice(0)) await attempt(() => lock.release());
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, failures.map(describeError).join('; '));
  }

  #userOf(process: string): ServiceUser | undefined {
    const index = (USERS as readonly string[]).indexOf(process);
    if (!this.#options.asRoot || index === -1) return undefined;
    const id = this.#options.config.SLIPWAY_UID_BASE + index;
    return { uid: id, gid: id };
  }

  async #assertPortIsFree(): Promise<void> {
    const { SLIPWAY_PORT: port, SLIPWAY_LISTEN_HOST: host } = this.#options.config;
    const problem = await listenProblem(port, host);
    if (problem === undefined) return;
    if (problem !== 'EADDRINUSE')
      throw new Error(`cannot listen on ${host}:${port} (${problem}): set SLIPWAY_PORT or SLIPWAY_LISTEN_HOST`);
    const owner = (await describePortOwner(port)) ?? 'another process';
    throw new Error(`port ${port} is in use by ${owner}: stop that, or set SLIPWAY_PORT to another port`);
  }

  /** Undefined when there shall be no SSH, or the usual port is another's and nobody has said which to take. */
  async #findSshPort(): Promise<number | undefined> {
    const { SLIPWAY_SSH_PORT: wanted, SLIPWAY_LISTEN_HOST: host } = this.#options.config;
    if (wanted === 'off') return undefined;
    const port = wanted ?? DEFAULT_SSH_PORT;
    const problem = await listenProblem(port, host);
    if (problem === undefined) return port;
    const what = `cannot listen on ${host}:${port} (${problem})`;
    if (wanted !== undefined) throw new Error(`${what}: set SLIPWAY_SSH_PORT to another port, or to off`);
    const line = JSON.stringify({ level: 'warn', msg: `no cf ssh: ${what}; set SLIPWAY_SSH_PORT` });
    this.#options.events(SSH_PROXY).onLine(line, 'stdout');
    return undefined;
  }

  async #showProgram(): Promise<void> {
    await chmod(this.#data.root, (await stat(this.#data.root)).mode | 0o711);
    await mountProgram(repositoryRoot, this.#data.app);
    this.#mounted = true;
    const user = this.#userOf('router') as ServiceUser;
    await assertReadable(join(this.#data.app, 'services/router/package.json'), user, repositoryRoot);
  }

  async #writeSecrets(
    secrets: PlatformSecrets,
    dropletRegistryPassword: string | undefined,
  ): Promise<Readonly<Record<string, string>>> {
    // uaa takes over at each start what it is given, so nobody has to keep it.
    const clientSecret = randomBytes(24).toString('base64url');
    const ssh = newSshSecrets();
    const contents: readonly (readonly [string, string, string])[] = [
      ...serviceNames.map((name) => [name, 'NATS_PASSWORD', secrets.natsPasswords[name]] as const),
      ['uaa', 'ENCRYPTION_KEY', secrets.encryptionKeys.uaa],
      ['uaa', 'ADMIN_PASSWORD', secrets.adminPassword],
      ['uaa', 'CLOUD_CONTROLLER_SECRET', clientSecret],
      ['cloud-controller', 'UAA_CLIENT_SECRET', clientSecret],
      ['cloud-controller', 'ENCRYPTION_KEY', secrets.encryptionKeys['cloud-controller']],
      ['stager', 'STAGER_PRIVATE_KEY', secrets.stagerKeys.privateKey],
      ['cell-rep', 'CELL_PRIVATE_KEY', secrets.cellKeys.privateKey],
      ['uaa', 'SSH_PROXY_SECRET', ssh.clientSecret],
      [SSH_PROXY, 'UAA_CLIENT_SECRET', ssh.clientSecret],
      ['cell-rep', 'CELL_SESSION_KEY', ssh.sessionKey],
      [SSH_PROXY, 'SESSION_KEY', ssh.sessionKey],
      [SSH_PROXY, 'HOST_KEY', secrets.sshHostKey],
      ...(dropletRegistryPassword === undefined
        ? []
        : dropletRegistryUsers.map((name) => [name, 'DROPLET_REGISTRY_PASSWORD', dropletRegistryPassword] as const)),
    ];
    const files: Record<string, string> = {};
    for (const [process, name, content] of contents) {
      files[`${process}/${name}`] = await this.#data.writeSecret(process, name, content);
    }
    return files;
  }

  async #processes(context: ProcessContext, secrets: PlatformSecrets): Promise<readonly ProcessSpec[]> {
    const { data, ports, config } = context;
    const natsConfig = renderNatsServerConfig({
      host: '127.0.0.1',
      port: ports.nats as number,
      serverName: 'slipway',
      storeDir: join(data.serviceDirectory('nats-server'), 'jetstream'),
      operator: { user: OPERATOR, password: this.#operatorPassword },
      participants: serviceNames.map((service) => ({
        service,
        password: secrets.natsPasswords[service],
        ...(service === 'cell-rep' ? { cellId: config.SLIPWAY_CELL_ID } : {}),
      })),
    });
    const nats = natsProcess(context, await data.writeSecret('nats-server', 'nats.conf', natsConfig));
    if (!this.#options.registry) return [nats, ...serviceProcesses(context)];
    const registryConfig = renderRegistryConfig(
      ports.registry as number,
      join(data.serviceDirectory('registry'), 'storage'),
    );
    const registry = registryProcess(context, await data.writeSecret('registry', 'config.json', registryConfig));
    return [nats, registry, ...serviceProcesses(context)];
  }

  /** Streams are made by nobody but the platform: a service that could make one could have it send to any subject. */
  #keepTopology(context: ProcessContext): TopologyKeeper {
    const { onLine } = this.#options.events('topology');
    return keepTopology({
      url: `nats://127.0.0.1:${context.ports.nats as number}`,
      user: OPERATOR,
      password: new Secret(this.#operatorPassword),
      // While NATS starts it is not there, which is no news.
      logger: createLogger('topology', 'info', { write: (line) => this.#ready && onLine(line.trimEnd(), 'stdout') }),
    });
  }

  /** The marker is there from a start to its clean end: when a start finds it, containers may still be around. */
  async #cleanAfterCrash(signal: AbortSignal): Promise<void> {
    const marker = this.#marker;
    const crashed = await stat(marker).then(
      () => true,
      () => false,
    );
    if (crashed) await this.#runCleaner(signal);
    await writeFile(marker, `${process.pid}\n`);
  }

  async #clean(): Promise<void> {
    await this.#runCleaner();
    await rm(this.#marker, { force: true });
  }

  async #runCleaner(signal?: AbortSignal): Promise<void> {
    if (this.#cleaner === undefined) return;
    const { command, args, env, cwd } = this.#cleaner;
    const deadline = AbortSignal.timeout(CLEAN_DEADLINE_MS);
    const result = await runCommand(command, args, {
      env,
      cwd,
      signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
    });
    signal?.throwIfAborted();
    if (result.exitCode !== 0) {
      throw new Error(
        `cannot remove what the cell left (status ${result.exitCode ?? result.signal}):\n${result.output}`,
      );
    }
  }

  get #marker(): string {
    return join(this.#data.root, 'running');
  }
}
