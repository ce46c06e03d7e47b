import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandRunner } from '../runtime/command.ts';
import { unmount } from '../sys/mount.ts';
import { errnoCode } from '../sys/sys-error.ts';
import type { ContainerDisks, DiskOrder } from './container-disks.ts';
import { type Ext4Template, makeTemplate, mountImage, writeTemplate } from './ext4-template.ts';

/** What Cloud Foundry gives an app that asks for nothing; its template is there from the start. */
const COMMON_LIMIT_BYTES = 1024 ** 3;

/**
 * Each container has a small ext4 of its own, in a sparse file that is mounted through a loop device: for machines
 * whose file system or kernel has no project quotas.
 */
export class FileSystemDisks implements ContainerDisks {
  readonly kind = 'file-system';
  readonly reason: string;
  readonly #dir: string;
  readonly #run: CommandRunner;
  readonly #templates = new Map<number, Promise<Ext4Template>>();

  private constructor(reason: string, dir: string, run: CommandRunner) {
    this.reason = reason;
    this.#dir = dir;
    this.#run = run;
  }

  /**
   * Makes and mounts a first one, to see that this machine can.
   * @param dir for templates in the making, on the file system that the containers' files will be on
   */
  static async open(reason: string, dir: string, run: CommandRunner): Promise<FileSystemDisks> {
    clean(dir);
    mkdirSync(dir, { mode: 0o700 });
    const disks = new FileSystemDisks(reason, dir, run);
    await disks.#template(COMMON_LIMIT_BYTES);
    return disks;
  }

  async make({ handle, image, writableDir, limitBytes }: DiskOrder): Promise<void> {
    writeTemplate(image, await this.#template(limitBytes));
    mountImage({ image, mountPoint: writableDir, name: `slipway ${handle}` });
  }

  async #template(limitBytes: number): Promise<Ext4Template> {
    const known = this.#templates.get(limitBytes);
    if (known !== undefined) return await known;
    const made = makeTemplate(limitBytes, this.#dir, this.#run);
    this.#templates.set(limitBytes, made);
    try {
      return await made;
    } catch (error) {
      this.#templates.delete(limitBytes);
      throw error;
    }
  }
}

/** What a process left there that was killed in the middle of a template. */
function clean(dir: string): void {
  try {
    for (const name of readdirSync(dir)) while (unmount(join(dir, name)));
  } catch (error) {
    if (errnoCode(error) !== 'ENOENT') throw error;
  }
  rmSync(dir, { recursive: true, force: true });
}
