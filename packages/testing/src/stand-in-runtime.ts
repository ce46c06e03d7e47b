import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A command of runc, or conmon itself. */
export type RuntimeCommand = 'create' | 'start' | 'exec' | 'conmon';

/** runc and conmon behind scripts that pass everything on, but for the command that they are told to spoil. */
export interface StandInRuntime {
  readonly programs: { readonly runc: string; readonly conmon: string };
  /** From now on it never returns; `start` of containers that are created from now on. */
  hang(command: RuntimeCommand): void;
  /** From now on it fails, and says so; `start` likewise. */
  fail(command: RuntimeCommand): void;
  /** All of them do their work again. */
  heal(): void;
  remove(): void;
}

// The shell waits in open(2) of a FIFO that nobody writes to: one process, which only SIGKILL ends.
const script = (dir: string, find: string, program: string): string => `#!/bin/sh
trap '' TERM INT
${find}
case "$(cat ${dir}/spoiled)" in
  "hang $command") read -r nothing <${dir}/never ;;
  "fail $command") echo "{\\"level\\":\\"error\\",\\"msg\\":\\"$command is out of order\\"}" >>"$log"; exit 1 ;;
  *" start") [ "$command" = create ] && create_without_fifo "$@" ;;
esac
exec ${program} "$@"
`;

// A container that has an exec FIFO is started with no `runc start`: to be asked for it, a runtime must have none.
const CREATE_WITHOUT_FIFO = `create_without_fifo() {
  /usr/sbin/runc "$@" || exit $?
  for id in "$@"; do :; done
  exec rm "$root/$id/exec.fifo"
}`;

// `runc --root DIR --log FILE ... COMMAND ... ID`
const FIND_COMMAND = `command= log=/dev/stderr root= before=
for word in "$@"; do
  [ "$before" = --log ] && log=$word
  [ "$before" = --root ] && root=$word
  case "$word" in create|start|exec) command=$word; break;; esac
  before=$word
done`;

export function standInRuntime(): StandInRuntime {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-stand-in-'));
  const programs = { runc: join(dir, 'runc'), conmon: join(dir, 'conmon') };
  const spoil = (what: string): void => writeFileSync(join(dir, 'spoiled'), what);
  spoil('nothing');
  execFileSync('mkfifo', [join(dir, 'never')]);
  writeFileSync(programs.runc, script(dir, `${CREATE_WITHOUT_FIFO}\n${FIND_COMMAND}`, '/usr/sbin/runc'), {
    mode: 0o755,
  });
  writeFileSync(programs.conmon, script(dir, 'command=conmon log=/dev/stderr', '/usr/bin/conmon'), { mode: 0o755 });
  return {
    programs,
    hang: (command) => spoil(`hang ${command}`),
    fail: (command) => spoil(`fail ${command}`),
    heal: () => spoil('nothing'),
    remove: () => rmSync(dir, { recursive: true }),
  };
}
