import { closeSync, constants, openSync } from 'node:fs';
import { must } from './libc.ts';

const CLONE_NEWNET = 0x40000000;

/**
 * Runs `work` with the calling thread in another network namespace. It must be sync and make no threads; sockets made
 * in it stay in that namespace.
 */
export function inNetworkNamespace<T>(path: string, work: () => T): T {
  const own = openSync('/proc/thread-self/ns/net', constants.O_RDONLY);
  try {
    const other = openSync(path, constants.O_RDONLY);
    try {
      must('setns', path, other, CLONE_NEWNET);
    } finally {
      closeSync(other);
    }
    try {
      return work();
    } finally {
      goBack(own);
    }
  } finally {
    closeSync(own);
  }
}

function goBack(own: number): void {
  try {
    must('setns', 'own network', own, CLONE_NEWNET);
  } catch (error) {
    // To go on in a container's network, and take it for the host's, would be worse than to end.
    console.error('cannot return to the own network namespace', error);
    process.abort();
  }
}
