import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { closeAll, lockCell } from './cell-lock.ts';
import { CellPaths } from './cell-paths.ts';

test('a cell whose lock is let go of a moment later is opened, and is then locked for others', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'cell-lock-'));
  chmodSync(dir, 0o711);
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const paths = new CellPaths(join(dir, 'data'), join(dir, 'run'));
  paths.make();
  // As the child of a killed rep does, until it is the program that it is to become.
  const holder = spawn('flock', [paths.lock, 'sh', '-c', 'echo held; read _'], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  // It has tried once before it gives control back.
  const pending = lockCell('cell-1', paths);
  holder.stdin.end();
  const fds = await pending;
  await expect(lockCell('cell-1', paths)).rejects.toMatchObject({ code: 'CELL_LOCKED' });
  closeAll(fds);
  closeAll(await lockCell('cell-1', paths));
});
