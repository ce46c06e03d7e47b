import { readdir, readFile, readlink } from 'node:fs/promises';

const LISTEN = '0A';

/** Who listens on a TCP port of this machine, e.g. `nginx (pid 812)`; undefined when it cannot be seen. */
export async function describePortOwner(port: number): Promise<string | undefined> {
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const lines = (await readFile(table, 'utf8').catch(() => '')).split('\n').slice(1);
    for (const line of lines) {
      const fields = line.trim().split(/\s+/);
      const localPort = Number.parseInt(fields[1]?.split(':')[1] ?? '', 16);
      if (localPort === port && fields[3] === LISTEN && fields[9] !== undefined) inodes.add(`socket:[${fields[9]}]`);
    }
  }
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    if (await hasOneOf(pid, inodes)) {
      const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'a process')).trim();
      return `${name} (pid ${pid})`;
    }
  }
  return undefined;
}

async function hasOneOf(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  // Other users' processes cannot be looked into, and any may end meanwhile.
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  return targets.some((target) => inodes.has(target));
}
