import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A process in the network of another, and what it says, one line after the other. */
export class SpokenProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(pid: number, code: string) {
    const child = spawn('nsenter', ['--net', '--target', String(pid), process.execPath, '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  /** The next line that fits. */
  async until(fits: (line: string) => boolean = () => true): Promise<string> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error('it said nothing more');
      if (fits(value)) return value;
    }
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}
