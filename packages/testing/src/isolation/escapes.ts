import type { TarEntry } from '../tar-writer.ts';
import { probeBase } from './probe-image.ts';

/**
 * `escaped` when the container said the host's secret or something changed in the host's directory; `harmless` when it
 * ran and neither happened; else the code of the error that it was refused with (`refused` for Docker).
 */
export type EscapeOutcome = string;

/** An image that leads a runtime astray, as known escapes of runc do. */
export interface Escape {
  readonly name: string;
  /** Of the image; `outside` is a directory of the host that everybody may read. */
  readonly entries: (outside: string) => readonly TarEntry[];
  readonly workdir?: string;
  /** Instead of a shell that looks around. */
  readonly entrypoint?: readonly string[];
  /** `exec`: it is a second process of the container that starts in `workdir`. */
  readonly by?: 'exec';
  readonly slipway: EscapeOutcome;
}

/** What the first process of such an image looks for, from wherever it is. */
export function lookAround(outside: string): string {
  const climbed = `../../../../../../../..${outside}/secret`;
  return `pwd; cat ${climbed} ./secret /etc/secret /dev/secret /w/secret /w/${climbed} /proc/self/cwd/${climbed}; true`;
}

const link = (name: string, linkName: string): TarEntry => ({ name, type: 'symlink', linkName });
const files = probeBase();
/** Without what an escape puts in its place. */
const without = (path: string): readonly TarEntry[] =>
  files.filter(({ name }) => typeof name !== 'string' || !(name === path || name.startsWith(`${path}/`)));

/** Descriptors that runtimes have had open when they start a process; runc's to /sys/fs/cgroup was 7 or 8. */
const DESCRIPTORS = [3, 5, 6, 7, 8, 9, 10];

const workdirs: readonly Escape[] = [
  ...DESCRIPTORS.map(
    (fd): Escape => ({
      name: `WORKDIR /proc/self/fd/${fd} (CVE-2024-21626)`,
      entries: () => files,
      workdir: `/proc/self/fd/${fd}`,
      slipway: 'PROCESS_WORKDIR_INVALID',
    }),
  ),
  ...DESCRIPTORS.map(
    (fd): Escape => ({
      name: `WORKDIR is a link to /proc/self/fd/${fd} (CVE-2024-21626)`,
      entries: () => [...files, link('w', `/proc/self/fd/${fd}`)],
      workdir: '/w',
      slipway: 'PROCESS_WORKDIR_INVALID',
    }),
  ),
  ...[7, 8].map(
    (fd): Escape => ({
      name: `a second process in a directory that is a link to /proc/self/fd/${fd} (CVE-2024-21626)`,
      entries: () => [...files, link('w', `/proc/self/fd/${fd}`)],
      workdir: '/w',
      by: 'exec',
      slipway: 'PROCESS_WORKDIR_INVALID',
    }),
  ),
  {
    name: 'WORKDIR is a link to the root of the process',
    entries: () => [...files, link('w', '/proc/self/root/../../..')],
    workdir: '/w',
    slipway: 'PROCESS_WORKDIR_INVALID',
  },
  {
    name: "WORKDIR is a link to the host's directory",
    entries: (outside) => [...files, link('w', `../../../../..${outside}`)],
    workdir: '/w',
    slipway: 'PROCESS_WORKDIR_INVALID',
  },
];

const mountPoints: readonly Escape[] = ['proc', 'sys', 'dev', '.slipway'].flatMap((name) =>
  [
    ['an absolute link', (outside: string): string => outside] as const,
    ['a climbing link', (outside: string): string => `../../../../../..${outside}`] as const,
    ['a link to /tmp', (): string => 'tmp'] as const,
  ].map(
    ([what, target]): Escape => ({
      name: `/${name} is ${what}`,
      entries: (outside) => [...files, link(name, target(outside))],
      // The init is mounted where the link leads in the image, and found there.
      slipway: name === '.slipway' ? 'harmless' : 'IMAGE_MOUNT_POINT_INVALID',
    }),
  ),
);

const belowMountPoints: readonly Escape[] = [
  ['/dev/console', 'CVE-2025-52565'],
  ['/dev/pts', 'CVE-2025-52565'],
  ['/dev/null', 'CVE-2025-31133'],
  ['/dev/shm', 'CVE-2025-52881'],
  ['/dev/mqueue', 'CVE-2025-52881'],
  ['/proc/kcore', 'CVE-2025-31133'],
  ['/proc/sys', 'CVE-2025-52881'],
  ['/proc/sysrq-trigger', 'CVE-2025-52881'],
  ['/sys/fs/cgroup', 'CVE-2025-52881'],
  ['/sys/firmware', 'CVE-2025-31133'],
].map(
  ([path = '', cve]): Escape => ({
    name: `${path} is a link in the image (as in ${cve})`,
    entries: (outside) => [...files, link(path.slice(1), `../../../../..${outside}`)],
    slipway: 'harmless',
  }),
);

const etcFiles: readonly Escape[] = [
  ...['hosts', 'hostname', 'resolv.conf'].map(
    (name): Escape => ({
      name: `/etc/${name} is a link out of the image`,
      entries: (outside) => [...files, link(`etc/${name}`, `../../../../../..${outside}/${name}`)],
      slipway: 'harmless',
    }),
  ),
  {
    name: '/etc is a link out of the image',
    entries: (outside) => [...without('etc'), link('etc', `../../../../..${outside}`)],
    slipway: 'IMAGE_FILE_INVALID',
  },
  {
    name: '/etc/hosts is a link into /proc (CVE-2019-19921)',
    entries: () => [...files, link('etc/hosts', '/proc/self/environ')],
    slipway: 'RUNTIME_FAILED',
  },
  {
    name: '/etc/resolv.conf is a link to a setting of the kernel',
    entries: () => [...files, link('etc/resolv.conf', '/proc/sys/kernel/core_pattern')],
    slipway: 'RUNTIME_FAILED',
  },
];

const programs: readonly Escape[] = [
  {
    name: 'the program is /proc/self/exe (CVE-2019-5736)',
    entries: () => files,
    entrypoint: ['/proc/self/exe'],
    slipway: 'harmless',
  },
  {
    name: 'the program is a script for /proc/self/exe (CVE-2019-5736)',
    entries: () => [...files, { name: 'start', content: '#!/proc/self/exe\n', mode: 0o755 }],
    entrypoint: ['/start'],
    slipway: 'harmless',
  },
  {
    name: "the program is a link to a host's file",
    entries: (outside) => [...files, link('start', `../../../../..${outside}/program`)],
    entrypoint: ['/start'],
    slipway: 'PROCESS_EXECUTABLE_NOT_FOUND',
  },
];

/** All of them. */
export const ESCAPES: readonly Escape[] = [...workdirs, ...mountPoints, ...belowMountPoints, ...etcFiles, ...programs];
