import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { promisify } from 'node:util';
import type { Instance } from '@slipway/contracts';

const run = promisify(execFile);

/** Host pids of processes with this in their environment or arguments: an instance guid names its processes. */
export async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const files = [`/proc/${name}/environ`, `/proc/${name}/cmdline`];
    // Processes end while one looks.
    const contents = await Promise.all(files.map((file) => readFile(file, 'latin1').catch(() => '')));
    if (contents.some((content) => content.includes(text))) found.push(pid);
  }
  return found;
}

/** The app's processes of an instance, by host pid. */
export function processesOf(instanceGuid: string): Promise<number[]> {
  return processesWith(`CF_INSTANCE_GUID=${instanceGuid}\0`);
}

/** What a cell has on this machine, besides the files in its data directory; empty when it is gone. */
export async function leftovers(cell: {
  readonly id: string;
  readonly dataDir: string;
  readonly subnet: string;
}): Promise<string[]> {
  const left: string[] = [];
  for (const pid of await processesWith(cell.dataDir)) left.push(`process ${pid}`);
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  left.push(...mounts.split('\n').filter((line) => line.includes(cell.dataDir)));
  const { stdout: cgroups } = await run('find', ['/sys/fs/cgroup', '-type', 'd', '-name', `*${cell.id}*`]);
  left.push(...nonEmptyLines(cgroups));
  const { stdout: routes } = await run('ip', ['-4', 'route', 'show', 'root', cell.subnet]);
  left.push(...nonEmptyLines(routes));
  const { stdout: tables } = await run('nft', ['list', 'tables']);
  left.push(...nonEmptyLines(tables).filter((line) => line.includes(cell.id.replaceAll('-', '_'))));
  return left;
}

/** GET of a path of an instance, at its own address. */
export async function fetchFrom(
  instance: Instance,
  path = '/',
  port = 8080,
): Promise<{ status: number; body: string }> {
  return await new Promise((resolve, reject) => {
    const request = get({ host: instance.address, port, path, agent: false, timeout: 5_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error(`${instance.address} does not answer`)));
    request.on('error', reject);
  });
}

/** Makes an instance of the sample image end with status 42; it may be gone before it has answered. */
export async function makeCrash(instance: Instance): Promise<void> {
  await fetchFrom(instance, '/cgi-bin/crash').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNRESET') throw error;
  });
}

/** Whether an instance serves at its address. */
export async function answers(instance: Instance): Promise<boolean> {
  try {
    return (await fetchFrom(instance)).status === 200;
  } catch {
    return false;
  }
}

function nonEmptyLines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}
