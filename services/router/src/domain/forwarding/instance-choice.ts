import { Field } from '../http/field-names.ts';
import type { RequestHead } from '../http/request-head.ts';
import type { Endpoint } from '../routes/endpoint.ts';

const APP_INSTANCE = /^([0-9a-f-]{36}):([0-9]{1,9})$/;
const PROCESS_INSTANCE = /^([0-9a-f-]{36})(?::([0-9]{1,9}))?$/;

/** One instance, or the instances of one process, that a request asks for by a header. */
export interface InstanceChoice {
  readonly kind: 'app' | 'process';
  readonly guid: string;
  /** Empty: any of the process. */
  readonly index: string;
  matches(endpoint: Endpoint): boolean;
}

export type InstanceChoiceFault = 'invalid-app-instance' | 'invalid-process-instance';

/** Reads X-Cf-App-Instance and X-Cf-Process-Instance; undefined when there is neither. */
export function readInstanceChoice(request: RequestHead): InstanceChoice | InstanceChoiceFault | undefined {
  for (const { id, value, disguised } of request.fields) {
    if (disguised || (id !== Field.xCfAppInstance && id !== Field.xCfProcessInstance)) continue;
    const isApp = id === Field.xCfAppInstance;
    const match = (isApp ? APP_INSTANCE : PROCESS_INSTANCE).exec(value);
    if (match === null) return isApp ? 'invalid-app-instance' : 'invalid-process-instance';
    const guid = match[1] ?? '';
    const index = match[2] ?? '';
    return {
      kind: isApp ? 'app' : 'process',
      guid,
      index,
      matches: ({ spec }) =>
        (isApp ? spec.appId : spec.tags.process_id) === guid && (index === '' || spec.instanceIndex === index),
    };
  }
  return undefined;
}
