import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Logger } from '@slipway/service-kit';
import { EMPTY_ZONE, type Zone } from '../../domain/names/zone.ts';

const PROGRAM = fileURLToPath(new URL('../../names-worker.ts', import.meta.url));
const CONTROL = /^names-[0-9a-f]+\.sock$/;
const START_TIMEOUT_MS = 20_000;
const RESTART_MIN_MS = 200;
const RESTART_MAX_MS = 10_000;
const STOP_TIMEOUT_MS = 2_000;

export interface NameServerOptions {
  /** Where containers ask. */
  readonly address: string;
  /** Default 53. */
  readonly port?: number;
  /** Of the cell, gone with it. */
  readonly runDir: string;
  /** Default the host's. */
  readonly resolvConf?: string;
  readonly logger: Logger;
}

/**
 * The cell's name server, which is a process of its own and goes on when this one ends. A new one is started with each
 * rep, listens beside the one before, and takes its place once it knows as much. One that ends is started again.
 */
export class NameServer {
  readonly #options: NameServerOptions;
  #zone = EMPTY_ZONE;
  #control: Socket | undefined;
  #closed = false;
  #restartMs = RESTART_MIN_MS;
  #timer: NodeJS.Timeout | undefined;
  #port: number | undefined;

  constructor(options: NameServerOptions) {
    this.#options = options;
  }

  /** Once it answers. */
  get port(): number | undefined {
    return this.#port;
  }

  /** Resolves when it answers; rejects when it cannot, and tries again by itself. */
  async start(): Promise<void> {
    try {
      await this.#spawn();
      this.#restartMs = RESTART_MIN_MS;
    } catch (error) {
      this.#again();
      throw error;
    }
  }

  tell(zone: Zone): void {
    this.#zone = zone;
    if (this.#control?.writable === true) this.#control.write(order({ kind: 'zone', zone }));
  }

  /** Leaves the server to the next rep. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#control?.destroy();
  }

  /** Nobody needs names any more. */
  async end(): Promise<void> {
    this.close();
    await stopNameServers(this.#options.runDir);
  }

  async #spawn(): Promise<void> {
    const { address, port = 53, runDir, resolvConf = '/etc/resolv.conf' } = this.#options;
    const name = `names-${randomBytes(6).toString('hex')}.sock`;
    const child = spawn(process.execPath, [PROGRAM], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: '/',
      env: {
        NAMES_ADDRESS: address,
        NAMES_PORT: String(port),
        NAMES_CONTROL: join(runDir, name),
        NAMES_RESOLV_CONF: resolvConf,
      },
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
    try {
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-2_000);
      });
      const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
      const ended = once(child, 'exit').then(() => undefined);
      const first = await Promise.race([lines.next(), ended]);
      if (first === undefined || first.done === true) throw new Error(`the name server did not start: ${said}`);
      this.#port = (JSON.parse(first.value) as { readonly port: number }).port;
      this.#control = await this.#attach(join(runDir, name));
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    } finally {
      clearTimeout(timer);
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
    }
    await stopNameServers(runDir, name);
  }

  async #attach(path: string): Promise<Socket> {
    const socket = connect(path);
    await once(socket, 'connect');
    const answers = createInterface(socket);
    // Both hear of a fault; `close` follows.
    for (const each of [socket, answers]) each.on('error', () => socket.destroy());
    socket.write(order({ kind: 'zone', zone: this.#zone }));
    await once(answers, 'line');
    // What came meanwhile.
    socket.write(order({ kind: 'zone', zone: this.#zone }));
    socket.on('close', () => {
      if (this.#control === socket) this.#again();
    });
    return socket;
  }

  #again(): void {
    if (this.#closed) return;
    this.#control = undefined;
    this.#timer = setTimeout(() => {
      this.start().catch((error: unknown) => this.#options.logger.error({ err: error }, 'names.not-answered'));
    }, this.#restartMs);
    this.#restartMs = Math.min(this.#restartMs * 2, RESTART_MAX_MS);
  }
}

/** Ends the name servers of a cell, but for one. */
export async function stopNameServers(runDir: string, keep?: string): Promise<void> {
  const names = readdirSync(runDir).filter((name) => CONTROL.test(name) && name !== keep);
  await Promise.all(names.map((name) => stopOne(join(runDir, name))));
}

async function stopOne(path: string): Promise<void> {
  const socket = connect(path);
  socket.setTimeout(STOP_TIMEOUT_MS, () => socket.destroy());
  // Nobody is there.
  socket.on('error', () => undefined);
  socket.write(order({ kind: 'stop' }));
  await new Promise((resolve) => socket.once('close', resolve));
  rmSync(path, { force: true });
}

function order(value: { readonly kind: 'zone'; readonly zone: Zone } | { readonly kind: 'stop' }): string {
  return `${JSON.stringify(value)}\n`;
}
