import { LogFile } from '../supervisor/log-file.ts';
import { type LogLevel, logLevels, readLogLine } from '../supervisor/log-line.ts';
import type { ProcessEvents } from '../supervisor/supervised-process.ts';

const NAME_WIDTH = 'cloud-controller'.length;
const COLORS = { dim: 2, red: 31, green: 32, yellow: 33, cyan: 36, bold: 1 } as const;

/** What a human sees: one short line for each thing that matters, and each service's log lines from a level on. */
export class Console {
  readonly #out: NodeJS.WriteStream;
  readonly #level: number;
  readonly #started = performance.now();
  readonly #files: LogFile[] = [];

  constructor(level: LogLevel, out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
    this.#level = logLevels.indexOf(level);
  }

  say(text = ''): void {
    this.#out.write(`${text}\n`);
  }

  color(name: keyof typeof COLORS, text: string): string {
    return this.#out.isTTY && process.env.NO_COLOR === undefined ? `\x1b[${COLORS[name]}m${text}\x1b[0m` : text;
  }

  /** Seconds since this console was made, e.g. `3.2 s`. */
  get elapsed(): string {
    return `${((performance.now() - this.#started) / 1000).toFixed(1)} s`;
  }

  /** The events of one process: all lines to its file, some to the human. */
  eventsOf(process: string, logFile: string): ProcessEvents {
    const file = new LogFile(logFile);
    this.#files.push(file);
    const name = process.padEnd(NAME_WIDTH);
    return {
      onLine: (line, stream) => {
        file.write(line);
        const { level, text } = readLogLine(line, stream);
        if (logLevels.indexOf(level) < this.#level || text.trim() === '') return;
        const color = level === 'warn' ? 'yellow' : level === 'error' || level === 'fatal' ? 'red' : 'dim';
        this.say(`${this.color('cyan', name)}  ${this.color(color, text)}`);
      },
      onReady: (restarts) => {
        const what = restarts === 0 ? 'ready' : 'ready again';
        this.say(`${this.color('cyan', name)}  ${this.color('green', what)} after ${this.elapsed}`);
      },
      onEnd: (how, restartInMs) => {
        this.say(
          `${this.color('cyan', name)}  ${this.color('red', `ended ${how}`)}, starting it anew in ${restartInMs} ms`,
        );
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.close()));
  }
}
