import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { RESULT } from './guest-scripts.ts';

const QEMU = 'qemu-system-x86_64';
const KVM = ['-machine', 'q35,accel=kvm', '-cpu', 'host'];
const EMULATION = ['-machine', 'q35', '-accel', 'tcg,thread=multi', '-cpu', 'max'];
const KVM_TRIAL_MS = 10_000;
const MEMORY_MB = 4096;
const DISK_BYTES = 8 * 1024 ** 3;
const DISKS = 3;

/** Debian has it beside qemu. It gives the machine the host's files. */
export const VIRTIOFSD = '/usr/lib/qemu/virtiofsd';

export interface Boot {
  readonly dir: string;
  readonly kernel: string;
  readonly initramfs: string;
  readonly signal: AbortSignal;
}

/**
 * Runs a machine to its end, showing what it says. Answers the exit statuses of its runs, by their number.
 * The host's root is given as a read-only bind mount in a mount namespace of virtiofsd's own: whatever the machine's
 * root does, or a test in it, the host's files stay as they are.
 */
export async function runMachine({ dir, kernel, initramfs, signal }: Boot): Promise<ReadonlyMap<number, number>> {
  const socket = join(dir, 'host.sock');
  const shared = join(dir, 'host');
  mkdirSync(shared);
  const script =
    'mount --bind / "$1" && mount -o remount,bind,ro "$1" && exec "$2" --socket-path="$3" -o source="$1" -o cache=always';
  const files = spawn('unshare', ['--mount', '--', 'sh', '-c', script, 'sh', shared, VIRTIOFSD, socket], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    await listening(files);
    const disks = Array.from({ length: DISKS }, (_, index) => makeDisk(join(dir, `disk-${index}`)));
    const accelerator = hasWorkingKvm(kernel) ? KVM : EMULATION;
    console.log(
      `The machine runs ${accelerator === KVM ? 'with KVM' : 'emulated, for KVM does not work here: slowly'}`,
    );
    const machine = spawn(QEMU, [...accelerator, ...qemuArguments(kernel, initramfs, socket, disks)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const stop = (): void => void machine.kill('SIGTERM');
    signal.addEventListener('abort', stop, { once: true });
    const results = new Map<number, number>();
    createInterface({ input: machine.stdout }).on('line', (line) => {
      console.log(line);
      const [, run, status] = RESULT.exec(line) ?? [];
      if (run !== undefined && status !== undefined) results.set(Number(run), Number(status));
    });
    await once(machine, 'close');
    return results;
  } finally {
    files.kill('SIGKILL');
  }
}

/**
 * A machine that is a virtual one itself may have a /dev/kvm with which no kernel gets anywhere. One that has no root
 * file system panics within a second or two, and ends with that.
 */
function hasWorkingKvm(kernel: string): boolean {
  const args = [...KVM, '-m', '512', '-nographic', '-no-reboot', '-nic', 'none', '-kernel', kernel];
  const trial = spawnSync(QEMU, [...args, '-append', 'panic=-1'], { stdio: 'ignore', timeout: KVM_TRIAL_MS });
  return trial.status === 0;
}

function qemuArguments(kernel: string, initramfs: string, socket: string, disks: readonly string[]): string[] {
  return [
    ['-smp', '2', '-m', `${MEMORY_MB}`, '-nographic', '-no-reboot'],
    // virtiofsd reads the machine's memory.
    ['-object', `memory-backend-memfd,id=memory,size=${MEMORY_MB}M,share=on`, '-numa', 'node,memdev=memory'],
    ['-chardev', `socket,id=host,path=${socket}`, '-device', 'vhost-user-fs-pci,chardev=host,tag=host'],
    disks.flatMap((path) => ['-drive', `file=${path},format=raw,if=virtio,discard=unmap`]),
    ['-nic', 'none', '-kernel', kernel, '-initrd', initramfs, '-append', 'console=ttyS0 quiet panic=-1'],
  ].flat();
}

/** Takes nothing of the host's disk until it is written to. */
function makeDisk(path: string): string {
  writeFileSync(path, '');
  truncateSync(path, DISK_BYTES);
  return path;
}

/** virtiofsd says on standard error when it waits for the machine. */
async function listening(files: ChildProcess): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    files.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('Waiting for vhost-user socket connection')) resolve();
    });
    files.once('error', reject);
    files.once('exit', () => reject(new Error(`virtiofsd ended: ${said.trim()}`)));
  });
  files.removeAllListeners('exit');
}
