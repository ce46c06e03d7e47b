import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a platform's things on this machine are named after. */
export interface PlatformMarks {
  readonly dataDirectory: string;
  readonly cellId: string;
}

/**
 * Whatever of a platform is still on this machine: processes, mounts, control groups, links and firewall tables that bear
 * its data directory or its cell's name. Empty after a clean stop.
 */
export async function leftovers(platform: PlatformMarks): Promise<string[]> {
  const { dataDirectory, cellId } = platform;
  // Before the rest, which starts programs that have the marks in their arguments.
  const running = await processes([dataDirectory, cellId]);
  const others = await Promise.all([mounts(dataDirectory), cgroups(cellId), networkOf(cellId)]);
  return [...running, ...others.flat()];
}

async function processes(marks: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    // A process may end between the listing and the reading: then it is not left over.
    const read = (file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
    const [command, environment, cgroup, cwd] = await Promise.all([
      read('cmdline'),
      read('environ'),
      read('cgroup'),
      readlink(`/proc/${pid}/cwd`).catch(() => ''),
    ]);
    const text = [command, environment, cgroup, cwd].join('\0');
    // The test runner itself has the directory in no place that is looked at here.
    if (marks.some((mark) => text.includes(mark))) found.push(`process ${pid}: ${command.replaceAll('\0', ' ')}`);
  }
  return found;
}

async function mounts(dataDirectory: string): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  return lines.filter((line) => line.includes(dataDirectory)).map((line) => `mount ${line}`);
}

async function cgroups(cellId: string): Promise<string[]> {
  const { stdout } = await run('find', ['/sys/fs/cgroup', '-maxdepth', '6', '-type', 'd', '-path', `*${cellId}*`]);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((path) => `cgroup ${path}`);
}

async function networkOf(cellId: string): Promise<string[]> {
  const [links, tables, namespaces] = await Promise.all([
    run('ip', ['-details', '-oneline', 'link']),
    run('nft', ['list', 'tables']),
    run('ip', ['netns', 'list']),
  ]);
  const marked = (text: string, what: string): string[] =>
    text
      .split('\n')
      .filter((line) => line.includes(cellId) || line.includes(cellId.replaceAll('-', '_')))
      .map((line) => `${what} ${line}`);
  return [...marked(links.stdout, 'link'), ...marked(tables.stdout, 'nft'), ...marked(namespaces.stdout, 'netns')];
}
