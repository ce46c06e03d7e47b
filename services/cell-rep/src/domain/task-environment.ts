import type { DesiredTask } from '@slipway/contracts';
import { imageVariables } from './image-variables.ts';

const VCAP_APPLICATION = 'VCAP_APPLICATION';

/**
 * What the platform puts over the image's own environment for a task: what Cloud Controller gave, and the address. A task
 * has no index, no ports and no PORT (rep `NewRunRequestFromTask`, executor, dockerapplifecycle `launcher`).
 */
export function taskEnvironment(task: Pick<DesiredTask, 'action' | 'image'>, address: string): Record<string, string> {
  const { action } = task;
  const given = action.environment[VCAP_APPLICATION];
  return {
    ...action.environment,
    ...(given === undefined ? {} : { [VCAP_APPLICATION]: withHost(given) }),
    ...imageVariables(task),
    CF_INSTANCE_IP: address,
    CF_INSTANCE_INTERNAL_IP: address,
    CF_INSTANCE_ADDR: '',
    CF_INSTANCE_PORT: '',
    CF_INSTANCE_PORTS: '[]',
  };
}

/** Cloud Controller writes an object; should it be none, it stays as it is. */
function withHost(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return text;
    return JSON.stringify({ ...value, host: '0.0.0.0', instance_id: '' });
  } catch {
    return text;
  }
}
