import type { TaskRow } from '../adapters/sql/schema.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import { type TaskSpec, taskSpecSchema } from '../domain/task/task-spec.ts';
import type { Platform } from './platform.ts';

/** As it is kept: it holds the whole environment of the task. */
export function sealTaskSpec({ vault }: Pick<Platform, 'vault'>, spec: TaskSpec): string {
  return vault.encrypt(JSON.stringify(spec), purposes.taskSpec(spec.taskGuid));
}

/** Throws when it cannot be opened, or is none: a task that has ended has none any more. */
export function openTaskSpec({ vault }: Pick<Platform, 'vault'>, row: Pick<TaskRow, 'guid' | 'spec'>): TaskSpec {
  return taskSpecSchema.parse(JSON.parse(vault.decrypt(row.spec ?? '', purposes.taskSpec(row.guid))));
}
