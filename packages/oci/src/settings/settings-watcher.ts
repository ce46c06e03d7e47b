import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import { OciError } from '../errors.ts';
import { loadRegistrySettings } from './load-settings.ts';
import { emptySettings, type RegistrySettings } from './registry-settings.ts';

/** What became of a version of the file. */
export type SettingsOutcome = 'loaded' | 'missing' | 'refused';

export interface SettingsWatcherOptions {
  readonly file: string;
  /** Settings to be used from now on; those of no file are empty. */
  readonly onSettings: (settings: RegistrySettings, outcome: 'loaded' | 'missing') => void;
  /** A version that cannot be used: whatever was used before stays. */
  readonly onRefused: (error: OciError) => void;
}

/** Editors and `kubectl` do several things to a directory at once. */
const SETTLE_MS = 50;
/** For what the kernel does not tell: network file systems, symbolic links, directories that come later. */
const POLL_MS = 5_000;
/** Some editors take a file away and write it anew: one that is missing for so long is gone. */
const MISSING_MS = 1_000;

/**
 * Keeps an eye on the registries settings: the file itself, which may be replaced, removed or made later, and all files
 * that it names. Each version is told once.
 */
export class SettingsWatcher {
  readonly #options: SettingsWatcherOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  #poll: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #checking: Promise<void> | undefined;
  #again = false;
  #closed = false;
  /** What was told last: a fingerprint, `missing`, or the words of an error. */
  #told: string | undefined;
  /** The fingerprint that is in use; `missing` for empty settings. */
  #used: string | undefined;
  #missingSince: number | undefined;

  constructor(options: SettingsWatcherOptions) {
    this.#options = options;
  }

  /** Reads the file for the first time, and goes on watching. Never rejects: a bad file is told as such. */
  async start(): Promise<void> {
    this.#poll = setInterval(() => this.#trigger(), POLL_MS).unref();
    this.#watch([this.#options.file]);
    this.#missingSince = Number.NEGATIVE_INFINITY;
    this.#trigger();
    await this.#checking;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#soon);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    await this.#checking;
  }

  #trigger(): void {
    if (this.#closed) return;
    this.#again = true;
    this.#checking ??= this.#checkUntilQuiet().finally(() => {
      this.#checking = undefined;
    });
  }

  async #checkUntilQuiet(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      await this.#check();
    }
  }

  async #check(): Promise<void> {
    const { file, onSettings, onRefused } = this.#options;
    const files = new Set([file]);
    try {
      const loaded = await loadRegistrySettings(file, (path) => files.add(path));
      if (loaded === undefined && this.#isReplaced()) return;
      if (loaded !== undefined) this.#missingSince = undefined;
      const version = loaded?.fingerprint ?? 'missing';
      if (version !== this.#told || version !== this.#used) {
        this.#told = version;
        this.#used = version;
        onSettings(loaded?.settings ?? emptySettings, loaded === undefined ? 'missing' : 'loaded');
      }
    } catch (error) {
      if (!(error instanceof OciError)) throw error;
      this.#missingSince = undefined;
      if (error.message !== this.#told) {
        this.#told = error.message;
        onRefused(error);
      }
    } finally {
      this.#watch([...files]);
    }
  }

  /** Whether a file that is missing may only be between two versions. Looks again in time if so. */
  #isReplaced(): boolean {
    const now = performance.now();
    this.#missingSince ??= now;
    const leftMs = this.#missingSince + MISSING_MS - now;
    if (leftMs <= 0) return false;
    this.#look(leftMs);
    return true;
  }

  #look(ms: number): void {
    if (this.#closed) return;
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.#trigger(), ms).unref();
  }

  /** Directories, for a file that is replaced is another one. */
  #watch(files: readonly string[]): void {
    if (this.#closed) return;
    const wanted = new Set(files.map((file) => dirname(file)));
    for (const [directory, watcher] of this.#watchers) {
      if (!wanted.has(directory)) this.#unwatch(directory, watcher);
    }
    for (const directory of wanted) {
      if (this.#watchers.has(directory)) continue;
      try {
        const watcher = watch(directory, { persistent: false }, () => this.#look(SETTLE_MS));
        watcher.on('error', () => this.#unwatch(directory, watcher));
        this.#watchers.set(directory, watcher);
      } catch {
        // It is not there, or there are no watches left: the next look finds out what changed, and tries again.
      }
    }
  }

  #unwatch(directory: string, watcher: FSWatcher): void {
    watcher.close();
    this.#watchers.delete(directory);
  }
}
