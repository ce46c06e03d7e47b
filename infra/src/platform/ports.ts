import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { z } from 'zod';

/**
 * Internal ports come from below Linux's range of ephemeral ports (32768 and up): else a connection of anybody could take
 * one between two starts of the service that it belongs to.
 */
const RANGE = { first: 20_000, size: 12_000 } as const;
const portsSchema = z.record(z.string(), z.int().min(1).max(65_535));

/**
 * A loopback port for each name, kept in `file` from start to start, so that what names them (an image reference with
 * the demo's registry, for one) stays true. One that is taken by now is picked anew.
 */
export async function assignPorts(file: string, names: readonly string[]): Promise<Readonly<Record<string, number>>> {
  const kept = await readPorts(file);
  const ports: Record<string, number> = {};
  const used = new Set<number>();
  for (const name of names) {
    const before = kept[name];
    const port = before !== undefined && !used.has(before) && (await isFree(before)) ? before : await pickFree(used);
    used.add(port);
    ports[name] = port;
  }
  await writeFile(file, `${JSON.stringify({ ...kept, ...ports }, null, 2)}\n`);
  return ports;
}

/** Undefined when `host:port` can be listened on, else the error code, such as EADDRINUSE or EACCES. */
export async function listenProblem(port: number, host: string): Promise<string | undefined> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

async function isFree(port: number): Promise<boolean> {
  return (await listenProblem(port, '127.0.0.1')) === undefined;
}

async function pickFree(used: ReadonlySet<number>): Promise<number> {
  const start = Math.floor(Math.random() * RANGE.size);
  for (let i = 0; i < RANGE.size; i++) {
    const port = RANGE.first + ((start + i) % RANGE.size);
    if (!used.has(port) && (await isFree(port))) return port;
  }
  throw new Error(`no free port between ${RANGE.first} and ${RANGE.first + RANGE.size - 1} on loopback`);
}

async function readPorts(file: string): Promise<Readonly<Record<string, number>>> {
  try {
    return portsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    // They are a convenience: without them new ones are picked.
    if (
      (error as NodeJS.ErrnoException).code === 'ENOENT' ||
      error instanceof SyntaxError ||
      error instanceof z.ZodError
    )
      return {};
    throw error;
  }
}
