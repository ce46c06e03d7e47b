import type { FileStat } from './file-agent.ts';

const FLAGS = { write: 0x02, append: 0x04, create: 0x08, truncate: 0x10, exclusive: 0x20 } as const;

/** What SFTP's open flags ask for (draft-ietf-secsh-filexfer-02 section 6.3). */
export function openFlags(flags: number): {
  readonly write: boolean;
  readonly append: boolean;
  readonly create: boolean;
  readonly how: 'exclusive' | 'truncate' | 'keep';
} {
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const create = has(FLAGS.create);
  const how = create && has(FLAGS.exclusive) ? 'exclusive' : has(FLAGS.truncate) ? 'truncate' : 'keep';
  return { write: has(FLAGS.write) || has(FLAGS.append), append: has(FLAGS.append), create, how };
}

const TYPES: ReadonlyMap<number, string> = new Map([
  [0o010000, 'p'],
  [0o020000, 'c'],
  [0o040000, 'd'],
  [0o060000, 'b'],
  [0o100000, '-'],
  [0o120000, 'l'],
  [0o140000, 's'],
]);

/** A line as of `ls -l`, which clients print as it is. */
export function longName(name: string, stat: FileStat | undefined): string {
  if (stat === undefined) return name;
  const bits = 'rwxrwxrwx'
    .split('')
    .map((letter, index) => ((stat.mode >> (8 - index)) & 1 ? letter : '-'))
    .join('');
  const date = new Date(stat.mtime * 1_000).toISOString();
  const when = `${date.slice(0, 10)} ${date.slice(11, 16)}`;
  const owner = `${String(stat.uid).padEnd(8)} ${String(stat.gid).padEnd(8)}`;
  const type = TYPES.get(stat.mode & 0o170000) ?? '?';
  return `${type}${bits}    1 ${owner} ${String(stat.size).padStart(8)} ${when} ${name}`;
}
