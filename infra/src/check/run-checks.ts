import { join } from 'node:path';
import { type CommandResult, runCommand } from '../process/run-command.ts';
import type { Check } from './checks.ts';

export interface CheckResult {
  readonly name: string;
  readonly passed: boolean;
  readonly seconds: number;
  /** The command as one would type it, to look at one failure alone. */
  readonly command: string;
  readonly output: string;
}

/** Runs the checks side by side in `root`, with the tools of its node_modules, and reports each as it ends. */
export async function runChecks(
  checks: readonly Check[],
  root: string,
  onResult: (result: CheckResult) => void,
  signal?: AbortSignal,
): Promise<readonly CheckResult[]> {
  const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH ?? ''}` };
  return await Promise.all(
    checks.map(async (check) => {
      const ended = await runCommand(check.command, check.args, { cwd: root, env, ...(signal && { signal }) });
      const result = toResult(check, ended);
      onResult(result);
      return result;
    }),
  );
}

function toResult(check: Check, ended: CommandResult): CheckResult {
  return {
    name: check.name,
    passed: ended.exitCode === 0,
    seconds: ended.seconds,
    command: ended.command,
    output: ended.output.trim(),
  };
}
