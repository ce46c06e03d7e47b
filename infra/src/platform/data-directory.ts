import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** An unprivileged user of the machine, by number: nobody logs in as it, so it needs no name. */
export interface ServiceUser {
  readonly uid: number;
  readonly gid: number;
}

/** Who runs what. When the supervisor is not root, all run as it does. */
export type UserOf = (process: string) => ServiceUser | undefined;

/**
 * The data directory: `<root>/services/<process>` is that process's own, `<root>/secrets/<process>` holds what only it
 * may read, `<root>/logs` all logs, `<root>/cell` the cell's layers and containers, `<root>/app` the program.
 */
export class DataDirectory {
  readonly root: string;
  readonly #userOf: UserOf;

  constructor(root: string, userOf: UserOf) {
    this.root = root;
    this.#userOf = userOf;
  }

  get cell(): string {
    return join(this.root, 'cell');
  }

  get app(): string {
    return join(this.root, 'app');
  }

  /** What the platform generated for itself; its own user alone may read it. */
  get secretsFile(): string {
    return join(this.root, 'secrets.json');
  }

  logFile(process: string): string {
    return join(this.root, 'logs', `${process}.log`);
  }

  /** Where the process may write. */
  serviceDirectory(process: string): string {
    return join(this.root, 'services', process);
  }

  /** Others may pass through, to reach their own directories, and see no more. */
  async create(): Promise<void> {
    await mkdir(this.root, { recursive: true, mode: 0o755 });
    for (const directory of ['services', 'secrets'])
      await mkdir(join(this.root, directory), { recursive: true, mode: 0o711 });
    await mkdir(this.app, { recursive: true, mode: 0o755 });
    await mkdir(this.cell, { recursive: true, mode: 0o711 });
  }

  async createServiceDirectory(process: string): Promise<string> {
    return await this.#ownDirectory(this.serviceDirectory(process), process);
  }

  /** Writes a file that only the process can read; its path. */
  async writeSecret(process: string, name: string, content: string): Promise<string> {
    const directory = await this.#ownDirectory(join(this.root, 'secrets', process), process);
    const file = join(directory, name);
    await writeFile(file, content, { mode: 0o600 });
    await this.#give(file, process);
    return file;
  }

  async #ownDirectory(directory: string, process: string): Promise<string> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await this.#give(directory, process);
    return directory;
  }

  async #give(path: string, process: string): Promise<void> {
    const user = this.#userOf(process);
    if (user !== undefined) await chown(path, user.uid, user.gid);
  }
}
