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

/** Another platform runs on this data directory. */
export class AlreadyRunning extends Error {
  readonly status: PlatformStatus | undefined;

  constructor(dataDirectory: string, status: PlatformStatus | undefined) {
    const who = status === undefined ? '' : `, pid ${status.pid}, at ${status.url}`;
    super(
      `Slipway already runs on ${dataDirectory}${who}. ` +
        `Stop it (Ctrl-C where it runs${status === undefined ? '' : `, or kill ${status.pid}`}), ` +
        'or give this one a SLIPWAY_DATA_DIR and a SLIPWAY_PORT of its own.',
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
  const path = await socketName(directory);
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(JSON.stringify(status()));
  });
  try {
    await listen(server, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new AlreadyRunning(directory, await askPlatform(directory));
  }
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** The status of the platform that runs on a data directory, undefined when none does or none answers. */
export async function askPlatform(directory: string): Promise<PlatformStatus | undefined> {
  const socket = connect(await socketName(directory));
  socket.setTimeout(ASK_DEADLINE_MS, () => socket.destroy(new Error('no answer')));
  try {
    return statusSchema.parse(JSON.parse(await text(socket)));
  } catch {
    return undefined;
  }
}

async function socketName(directory: string): Promise<string> {
  const real = await realpath(directory);
  return `\0slipway-${createHash('sha256').update(real).digest('hex').slice(0, 32)}`;
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
