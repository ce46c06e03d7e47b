import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Runs a program and gives its stdout; throws with its stderr when it fails. */
export async function run(command: string, args: readonly string[], options: { cwd?: string } = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(command, [...args], options);
  return stdout;
}
