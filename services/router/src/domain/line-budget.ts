/** Lines of one app that were not written. */
export interface Suppressed {
  readonly appId: string;
  readonly lines: number;
  readonly bytes: number;
}

interface Window {
  startedAt: number;
  lines: number;
  suppressedLines: number;
  suppressedBytes: number;
}

const WINDOW_MS = 1_000;

/** Lets each app write so many lines a second, and remembers what it did not let pass. */
export class LineBudget {
  readonly #linesPerSecond: number;
  readonly #windows = new Map<string, Window>();

  constructor(linesPerSecond: number) {
    this.#linesPerSecond = linesPerSecond;
  }

  /** True when the app may write a line now. */
  allows(appId: string, now: number): boolean {
    let window = this.#windows.get(appId);
    if (window === undefined) {
      window = { startedAt: now, lines: 0, suppressedLines: 0, suppressedBytes: 0 };
      this.#windows.set(appId, window);
    }
    if (now - window.startedAt >= WINDOW_MS) {
      window.startedAt = now;
      window.lines = 0;
    }
    return ++window.lines <= this.#linesPerSecond;
  }

  /** Counts a line that was not written. */
  suppress(appId: string, bytes: number): void {
    const window = this.#windows.get(appId);
    if (window === undefined) return;
    window.suppressedLines++;
    window.suppressedBytes += bytes;
  }

  /** What was suppressed since the last call; apps without requests are forgotten. */
  takeSuppressed(now: number): Suppressed[] {
    const suppressed: Suppressed[] = [];
    for (const [appId, window] of this.#windows) {
      if (window.suppressedLines > 0) {
        suppressed.push({ appId, lines: window.suppressedLines, bytes: window.suppressedBytes });
        window.suppressedLines = 0;
        window.suppressedBytes = 0;
      } else if (now - window.startedAt >= WINDOW_MS) this.#windows.delete(appId);
    }
    return suppressed;
  }
}
