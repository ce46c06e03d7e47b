import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

const statusSchema = z.object({
  pid: z.int(),
  url: z.string(),
  ready: z.boolean(),
  processes: z.array(
    z.object({ name: z.string(), pid: z.int().optional(), ready: z.boolean(), restarts: z.int().nonnegative() }),
  ),
});

/** What a running platform says of itself to whoever asks on this machine. */
export type PlatformStatus = z.infer<typeof statusSchema>;

const ASK_DEADLINE_MS = 2_000;

export interface InstanceLock {
  release(): Promise<void>;
}

/** Another platform runs on this data directory, or has the cell of this name. */
export class AlreadyRunning extends Error {
  readonly status: PlatformStatus | undefined;

  /** `what` runs already, in words. */
  constructor(what: string, status: PlatformStatus | undefined) {
    const who = status === undefined ? '' : `, pid ${status.pid}, at ${status.url}`;
    super(
      `${what}${who}. ` +
        `Stop it (Ctrl-C where it runs${status === undefined ? '' : `, or kill ${status.pid}`}), ` +
        'or give this one a SLIPWAY_DATA_DIR, SLIPWAY_PORT, SLIPWAY_CELL_ID, SLIPWAY_CELL_SUBNET, ' +
        'SLIPWAY_CELL_UID_BASE and SLIPWAY_UID_BASE of its own.',
    );
    this.name = 'AlreadyRunning';
    this.status = status;
  }
}

/**
 * One platform for each data directory. The lock is a Unix socket in Linux's abstract namespace, named after the
 * directory: the kernel gives it to one process only and takes it back when that process is gone, however it went. Who
 * connects is told the status. Throws AlreadyRunning.
 */
export async function lockDataDirectory(directory: string, status: () => PlatformStatus): Promise<InstanceLock> {
  return await lock(await socketName(directory), `Slipway already runs on ${directory}`, status);
}

/**
 * One platform for each cell of this machine, whatever its data directory: a second would take the first's containers
 * for leftovers. Throws AlreadyRunning.
 */
export async function lockCell(cellId: string, status: () => PlatformStatus): Promise<InstanceLock> {
  return await lock(
    hashedName(`cell ${cellId}`),
    `Slipway already runs a cell called ${cellId} on this machine`,
    status,
  );
}

async function lock(path: string, what: string, status: () => PlatformStatus): Promise<InstanceLock> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(JSON.stringify(status()));
  });
  try {
    await listen(server, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new AlreadyRunning(what, await ask(path));
  }
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** The status of the platform that runs on a data directory, undefined when none does or none answers. */
export async function askPlatform(directory: string): Promise<PlatformStatus | undefined> {
  return await ask(await socketName(directory));
}

async function ask(path: string): Promise<PlatformStatus | undefined> {
  const socket = connect(path);
  socket.setTimeout(ASK_DEADLINE_MS, () => socket.destroy(new Error('no answer')));
  try {
    return statusSchema.parse(JSON.parse(await text(socket)));
  } catch {
    return undefined;
  }
}

async function socketName(directory: string): Promise<string> {
  return hashedName(await realpath(directory));
}

function hashedName(name: string): string {
  return `\0slipway-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
