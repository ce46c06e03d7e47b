import { readdirSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import koffi from 'koffi';
import { cString } from '../sys/libc.ts';
import { type ConfinementOrder, confineThread, startSharedThreads } from './confine.ts';
import { deniedCalls } from './thread-filter.ts';

// What a confined thread is told when it asks for what it must not have. Run by confined-thread.test.ts.

/** By call: the errno, 0 when it was not refused. */
export interface ProbeAnswers {
  readonly denied: Readonly<Record<string, number>>;
  readonly nodes: Readonly<Record<string, number>>;
  readonly listing: readonly string[];
}

const libc = koffi.load('libc.so.6');
const syscall = libc.func('syscall', 'long', ['long', 'long', 'long', 'long', 'long', 'long', 'long']);
const mknod = libc.func('mknod', 'int', ['const uint8_t *', 'uint', 'ulong']);

const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;
const errno = (result: number): number => (Number(result) === -1 ? koffi.errno() : 0);
const node = (name: string, type: number, major: number, minor: number): number =>
  errno(mknod(cString(`/${name}`), type | 0o600, (major << 8) | minor));

await startSharedThreads();
confineThread(workerData as ConfinementOrder);
const denied = Object.entries(deniedCalls(process.arch)).map(([name, number]) => [
  name,
  errno(syscall(number, -1, -1, -1, -1, -1, -1)),
]);
const answers: ProbeAnswers = {
  denied: Object.fromEntries(denied) as Record<string, number>,
  nodes: {
    whiteout: node('whiteout', S_IFCHR, 0, 0),
    null: node('null', S_IFCHR, 1, 3),
    disk: node('disk', S_IFBLK, 8, 0),
    nothing: node('nothing', S_IFBLK, 0, 0),
  },
  listing: readdirSync('/').sort(),
};
parentPort?.postMessage(answers);
