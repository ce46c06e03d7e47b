import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Debian's kernel for virtual machines: it has what the project's own development machines may lack. */
const META_PACKAGE = 'linux-image-cloud-amd64';

/** Modules without which the machine does not see the host's files. */
const BOOT_MODULES = ['virtio_pci', 'virtiofs', 'virtio_blk', 'overlay'];

export interface GuestKernel {
  readonly image: string;
  /** `lib/modules` of the package. */
  readonly modulesDir: string;
  /** What to load first, in this order. */
  readonly bootModules: readonly string[];
}

/** Downloads the kernel with apt and unpacks it below `dir`, installing nothing; fine when that was done before. */
export function guestKernel(dir: string): GuestKernel {
  const unpacked = join(dir, 'kernel');
  if (!existsSync(unpacked)) download(dir, unpacked);
  const version = readdirSync(join(unpacked, 'lib/modules'))[0];
  if (version === undefined) throw new Error(`${unpacked} has no kernel: remove it and try again`);
  const modules = BOOT_MODULES.flatMap((name) =>
    run('modprobe', ['-d', unpacked, '-S', version, '--show-depends', name])
      .split('\n')
      .map((line) => line.trim().split(' '))
      .flatMap(([verb, path]) => (verb === 'insmod' && path !== undefined ? [path] : [])),
  );
  return {
    image: join(unpacked, `boot/vmlinuz-${version}`),
    modulesDir: join(unpacked, 'lib/modules'),
    bootModules: [...new Set(modules)],
  };
}

function download(dir: string, unpacked: string): void {
  const parts = join(dir, 'kernel.part');
  rmSync(parts, { recursive: true, force: true });
  mkdirSync(parts, { recursive: true });
  const depends = run('apt-cache', ['depends', META_PACKAGE]);
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new Error(`apt knows no ${META_PACKAGE}: run "apt-get update"`);
  console.log(`Downloading ${name}`);
  run('apt-get', ['-q', 'download', name], parts);
  const archive = readdirSync(parts).find((file) => file.endsWith('.deb'));
  if (archive === undefined) throw new Error(`apt-get download ${name} left no package`);
  run('dpkg', ['-x', join(parts, archive), parts]);
  rmSync(join(parts, archive));
  const version = readdirSync(join(parts, 'lib/modules'))[0] ?? '';
  run('depmod', ['-b', parts, version]);
  renameSync(parts, unpacked);
}

function run(program: string, args: readonly string[], cwd?: string): string {
  const path = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
  return execFileSync(program, args, { cwd, encoding: 'utf8', env: { ...process.env, PATH: path, LC_ALL: 'C' } });
}
