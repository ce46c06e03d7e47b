import { closeSync, constants, openSync } from 'node:fs';
import { attempt, must } from './libc.ts';

const TIOCSWINSZ = 0x5414;
const TIOCSPTLCK = 0x40045431;
const TIOCGPTPEER = 0x5441;
const O_CLOEXEC = 0o2000000;

/** Of a terminal, in characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Both ends of a new terminal. The master does not block: who writes more than the terminal takes gets EAGAIN. */
export function openPty(size: TerminalSize): { readonly master: number; readonly slave: number } {
  const master = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  try {
    must('ioctl', '/dev/ptmx', master, TIOCSPTLCK, Buffer.alloc(4));
    // By descriptor and not by name: /dev/pts may be another one where this runs.
    const flags = constants.O_RDWR | constants.O_NOCTTY | O_CLOEXEC;
    const slave = must('ioctlInt', '/dev/ptmx', master, TIOCGPTPEER, flags);
    resizePty(master, size);
    return { master, slave };
  } catch (error) {
    closeSync(master);
    throw error;
  }
}

/** Who has the terminal hears of it by SIGWINCH. Of one that is gone nothing is said. */
export function resizePty(fd: number, { columns, rows }: TerminalSize): void {
  attempt('ioctl', fd, TIOCSWINSZ, Buffer.from(new Uint16Array([rows, columns, 0, 0]).buffer));
}
