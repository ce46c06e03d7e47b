import { readFileSync } from 'node:fs';
import type { TarEntry } from '../tar-writer.ts';
import { machineProgram } from './machine-code.ts';
import type { Probe, ProbeFamily, ProbeOutcome, ProbeVariables } from './probe.ts';
import { call } from './system-calls.ts';

/** Debian's static busybox. */
const BUSYBOX = '/bin/busybox';

const APPLETS =
  `sh [ cat chmod chown cp echo find grep head httpd ip ls mkdir mkfifo mount nc ping readlink rm rmdir sed
  sleep test timeout tr true false wget xxd`.split(/\s+/);

/** A probe that hangs was refused. */
const PROBE_SECONDS = 15;

/** Names of Linux's errors that probes meet (asm-generic/errno). */
const ERRNO: Readonly<Record<number, string>> = {
  1: 'EPERM',
  2: 'ENOENT',
  3: 'ESRCH',
  9: 'EBADF',
  12: 'ENOMEM',
  13: 'EACCES',
  14: 'EFAULT',
  16: 'EBUSY',
  17: 'EEXIST',
  19: 'ENODEV',
  20: 'ENOTDIR',
  22: 'EINVAL',
  28: 'ENOSPC',
  38: 'ENOSYS',
  93: 'EPROTONOSUPPORT',
  94: 'ESOCKTNOSUPPORT',
  95: 'EOPNOTSUPP',
  97: 'EAFNOSUPPORT',
  111: 'ECONNREFUSED',
  116: 'ESTALE',
  126: 'ENOKEY',
};

/** Whether the machine can run all probes: programs are made for x86-64. */
function playable(probe: Probe): boolean {
  return probe.calls === undefined || process.arch === 'x64';
}

/** The probes by the names that they have in the image. */
function numbered(families: readonly ProbeFamily[]): readonly (readonly [string, Probe])[] {
  const probes = families.flatMap((family) => family.probes).filter(playable);
  return probes.map((probe, index) => [String(index).padStart(3, '0'), probe]);
}

/** The image's files: busybox, a program or script for each probe, and `/probe/run`, which plays all and prints. */
export function probeEntries(families: readonly ProbeFamily[], variables: ProbeVariables): readonly TarEntry[] {
  const settings = Object.entries(variables).map(([name, value]) => `export ${name}='${value}'\n`);
  const gateway = `export GATEWAY=$(ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p')\n`;
  return [
    ...probeBase(),
    // What becomes root when setuid counts.
    { name: 'probe/setuid', content: machineProgram([call('setresuid', 0, 0, 0)]), mode: 0o4755 },
    { name: 'probe/settings', content: `export PATH=/bin\n${settings.join('')}${gateway}` },
    { name: 'probe/run', content: RUN },
    ...numbered(families).map(
      ([name, { script, calls }]): TarEntry =>
        calls === undefined
          ? { name: `probe/scripts/${name}`, content: `. /probe/settings\n${script ?? 'false'}\n` }
          : { name: `probe/programs/${name}`, content: machineProgram(calls), mode: 0o755 },
    ),
  ];
}

/** Busybox under the names of its programs, root and a user. */
export function probeBase(): readonly TarEntry[] {
  return [
    { name: 'bin/busybox', content: readFileSync(BUSYBOX), mode: 0o755 },
    ...APPLETS.map((name): TarEntry => ({ name: `bin/${name}`, type: 'symlink', linkName: 'busybox' })),
    { name: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n' },
    { name: 'etc/group', content: 'root:x:0:\napp:x:1001:\n' },
    { name: 'home/app/', uid: 1000, gid: 1001 },
    { name: 'tmp/', mode: 0o1777 },
  ];
}

/** A line for each: its name, how it exited, and what its calls answered in hexadecimal digits. */
const RUN = `. /probe/settings
cd /
for p in /probe/scripts/*; do
  timeout ${PROBE_SECONDS} sh $p >/dev/null 2>&1 </dev/null
  echo "probe \${p##*/} $?"
done
for p in /probe/programs/*; do
  echo "probe \${p##*/} - $($p 2>/dev/null | xxd -p | tr -d '\\n')"
done
echo probes done
`;

/** What `/probe/run` printed, by the probes' names. @throws when it did not come to its end */
export function probeOutcomes(
  families: readonly ProbeFamily[],
  printed: readonly string[],
): ReadonlyMap<string, ProbeOutcome> {
  if (!printed.includes('probes done')) throw new Error(`the probes did not end:\n${printed.slice(-20).join('\n')}`);
  const lines = new Map(
    printed.map((line) => {
      const [, name = '', exit = '', answers = ''] = line.split(' ');
      return [name, { exit, answers }];
    }),
  );
  return new Map(
    numbered(families).map(([name, probe]) => {
      const line = lines.get(name);
      if (line === undefined) throw new Error(`nothing was printed for: ${probe.name}`);
      const outcome = probe.calls === undefined ? (line.exit === '0' ? 'ok' : 'refused') : lastAnswer(line.answers);
      return [probe.name, outcome];
    }),
  );
}

function lastAnswer(digits: string): ProbeOutcome {
  if (digits === '') return 'killed';
  const answer = Buffer.from(digits, 'hex').readBigInt64LE(digits.length / 2 - 8);
  return answer >= 0n ? 'ok' : (ERRNO[Number(-answer)] ?? `errno ${-answer}`);
}
