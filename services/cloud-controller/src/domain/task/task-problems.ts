/** What a task would be; texts of what is wrong are cloud_controller_ng's (`task_model.rb`, `task_create.rb`). */
export interface TaskWish {
  readonly name: string;
  /** Undefined: neither given nor known to the template. */
  readonly command: string | undefined;
}

const NAME = /^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]+$/u;
const MAX_NAME_LENGTH = 255;
const MAX_COMMAND_LENGTH = 4_096;

export function taskProblems({ name, command }: TaskWish): string[] {
  const problems: string[] = [];
  if (!NAME.test(name)) problems.push('name is invalid');
  if (name.length > MAX_NAME_LENGTH) problems.push(`name must be shorter than ${MAX_NAME_LENGTH + 1} characters`);
  if (command === undefined || command.trim() === '') problems.push('command is not present');
  if (command !== undefined && command.length > MAX_COMMAND_LENGTH) {
    problems.push(`command must be shorter than ${MAX_COMMAND_LENGTH + 1} characters`);
  }
  return problems;
}
