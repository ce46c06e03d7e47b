import { closeSync, constants, openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { identifyDirectory } from '../layers/confine.ts';
import { openInRoot } from '../sys/beneath.ts';
import { attachMount } from '../sys/detached-mount.ts';
import { must } from '../sys/libc.ts';
import type { AttachOrder, AttachResult } from './attach-volumes.ts';

// Runs on a thread of its own, which enters the container's mount namespace for good and ends there.

const CLONE_FS = 0x200;
const CLONE_NEWNS = 0x2_0000;

function attach({ namespaceFd, volumes }: AttachOrder): void {
  const host = identifyDirectory('/');
  // Root and current directory are the process's until then, and no thread of several may change its mounts.
  must('unshare', 'file system context', CLONE_FS);
  must('setns', 'mount namespace', namespaceFd, CLONE_NEWNS);
  const here = identifyDirectory('/');
  if (here.device === host.device && here.inode === host.inode) throw new Error("it is the host's root directory");
  const root = openSync('/', constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    for (const { mountFd, destination } of volumes) {
      const target = openInRoot(root, destination, 'path', { symlinks: false });
      try {
        attachMount(mountFd, target);
      } finally {
        closeSync(target);
      }
    }
  } finally {
    closeSync(root);
  }
}

function result(): AttachResult {
  try {
    attach(workerData as AttachOrder);
    return { outcome: 'attached' };
  } catch (error) {
    return { outcome: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.postMessage(result());
