import {
  type DesiredTask,
  desiredTaskSchema,
  type ExecutionMetadata,
  type ResolvedImage,
  type SignaturePolicy,
} from '@slipway/contracts';
import type { z } from 'zod';
import type { BoundService } from '../lrp/bound-service.ts';
import { processEnvironment } from '../lrp/environment.ts';
import { lrpImage } from '../lrp/lrp-image.ts';
import { recordProblem } from '../lrp/record-size.ts';
import { cpuWeight, FILE_DESCRIPTORS, MAX_PIDS } from '../lrp/resources.ts';
import { imageVolumes, userOf } from '../lrp/run-info.ts';
import { deliverServices, type ServiceMode } from '../lrp/service-delivery.ts';
import { lrpVolumes, volumesProblem } from '../lrp/volumes.ts';

/** What of a desired task is fixed when it is made; kept in SQL until the task has ended. */
export const taskSpecSchema = desiredTaskSchema.omit({ cellId: true, cancel: true, egress: true });
export type TaskSpec = z.infer<typeof taskSpecSchema>;

export interface TaskSpecInput {
  readonly apiUrl: string;
  readonly app: { readonly guid: string; readonly name: string };
  readonly space: { readonly guid: string; readonly name: string };
  readonly organization: { readonly guid: string; readonly name: string };
  readonly task: {
    readonly guid: string;
    readonly name: string;
    readonly createdAt: string;
    readonly command: string;
    /** Null: the image's own. */
    readonly user: string | null;
    readonly memoryMb: number;
    readonly diskMb: number;
    readonly logRateBytesPerSecond: number;
    /** New for each. */
    readonly version: string;
  };
  readonly image: ResolvedImage;
  /** Which signatures the cell shall ask of it; undefined: none. */
  readonly signaturePolicy?: SignaturePolicy | undefined;
  readonly execution: ExecutionMetadata;
  /** Sealed to the cells. */
  readonly credentials: string | undefined;
  readonly userVariables: Readonly<Record<string, string>>;
  readonly runningGroup: Readonly<Record<string, string>>;
  readonly services: readonly BoundService[];
  readonly serviceMode: ServiceMode;
  readonly placementTags: readonly string[];
  /** Of the app's routes. */
  readonly uris: readonly string[];
}

export type TaskSpecResult =
  | { readonly outcome: 'built'; readonly spec: TaskSpec }
  | { readonly outcome: 'rejected'; readonly reason: string };

/**
 * Builds the fixed part of a desired task (cloud_controller_ng `docker/task_action_builder.rb`, `task_environment.rb`): the
 * command through the image's shell, in `/` whatever the image's ENTRYPOINT and WORKDIR; no ports, hence no PORT.
 */
export function buildTaskSpec(input: TaskSpecInput): TaskSpecResult {
  const { app, space, organization, task, execution } = input;
  const delivery = deliverServices(input.serviceMode, input.services);
  if (delivery.outcome === 'rejected') return delivery;
  const unmountable = volumesProblem(input.services);
  if (unmountable !== undefined) return { outcome: 'rejected', reason: unmountable };
  const spec: TaskSpec = {
    v: 1,
    kind: 'desired',
    taskGuid: task.guid,
    name: task.name,
    createdAt: task.createdAt,
    app: {
      guid: app.guid,
      name: app.name,
      spaceGuid: space.guid,
      spaceName: space.name,
      organizationGuid: organization.guid,
      organizationName: organization.name,
    },
    image: lrpImage(input.image, input.credentials, input.signaturePolicy),
    action: {
      argv: ['/bin/sh', '-c', task.command],
      workdir: '/',
      user: userOf(task.user, execution),
      imageEnv: [...execution.env],
      environment: processEnvironment({
        ports: [],
        runningGroup: input.runningGroup,
        userVariables: input.userVariables,
        vcapApplication: vcapApplication(input),
        services: delivery.variables,
        memoryMb: task.memoryMb,
      }),
      ...imageVolumes(execution),
    },
    ...(delivery.files.length === 0 ? {} : { files: [...delivery.files] }),
    ...lrpVolumes(input.services),
    resources: {
      memoryMb: task.memoryMb,
      diskMb: task.diskMb,
      cpuWeight: cpuWeight(task.memoryMb),
      maxPids: MAX_PIDS,
      nofile: FILE_DESCRIPTORS,
      logRateBytesPerSecond: task.logRateBytesPerSecond,
    },
    placementTags: [...input.placementTags],
    log: { sourceId: app.guid, sourceType: `APP/TASK/${task.name}` },
    metricTags: {
      source_id: app.guid,
      organization_id: organization.guid,
      organization_name: organization.name,
      space_id: space.guid,
      space_name: space.name,
      app_id: app.guid,
      app_name: app.name,
    },
  };
  const problem = recordProblem(app.name, spec);
  return problem === undefined ? { outcome: 'built', spec } : { outcome: 'rejected', reason: problem };
}

/** What a task learns of its app; it is of no process (`VarsBuilder` of an app). */
function vcapApplication(input: TaskSpecInput): Record<string, unknown> {
  const { app, space, organization, task, uris } = input;
  return {
    cf_api: input.apiUrl,
    limits: { fds: FILE_DESCRIPTORS, mem: task.memoryMb, disk: task.diskMb },
    application_name: app.name,
    application_uris: uris,
    name: app.name,
    space_name: space.name,
    space_id: space.guid,
    organization_id: organization.guid,
    organization_name: organization.name,
    uris,
    application_id: app.guid,
    version: task.version,
    application_version: task.version,
  };
}

/** The record of KV `tasks`. */
export function toDesiredTask(spec: TaskSpec, cellId: string | null, cancel: boolean): DesiredTask {
  return { ...spec, ...(cellId === null ? {} : { cellId }), cancel };
}
