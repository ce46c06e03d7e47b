import {
  type DesiredLrp,
  desiredLrpSchema,
  type ExecutionMetadata,
  type LrpRouteOptions,
  portSchema,
  type ResolvedImage,
  type SignaturePolicy,
} from '@slipway/contracts';
import type { z } from 'zod';
import type { RouteOptions } from '../names/route-options.ts';
import type { BoundService } from './bound-service.ts';
import { processEnvironment, vcapApplication } from './environment.ts';
import { type HealthCheckSettings, lrpHealthCheck, lrpReadinessCheck } from './health-check.ts';
import { imageHealthCheck } from './image-health-check.ts';
import { lrpImage } from './lrp-image.ts';
import { defaultRoutePort, exposedTcpPorts, openPorts } from './ports.ts';
import { lrpGuid } from './process-guid.ts';
import { recordProblem } from './record-size.ts';
import { cpuWeight, FILE_DESCRIPTORS, MAX_PIDS } from './resources.ts';
import { deliverServices, type ServiceMode } from './service-delivery.ts';
import { lrpSidecars, memoryBesideSidecars, type SidecarSettings } from './sidecars.ts';
import { startArguments } from './start-command.ts';
import { lrpVolumes, volumesProblem } from './volumes.ts';

/**
 * What of a desired LRP is fixed when its version is made (Diego's run info). It is kept in SQL: a process that crashes
 * is started as it was, whatever was set since, and a record that NATS lost comes back the same.
 */
export const runInfoSchema = desiredLrpSchema
  .omit({ instances: true, routes: true, internalHosts: true, egress: true, updatedAt: true, retire: true })
  .extend({
    /** Where a route without a port leads. */
    defaultRoutePort: portSchema,
  });
export type RunInfo = z.infer<typeof runInfoSchema>;

export interface RunInfoInput {
  readonly apiUrl: string;
  readonly app: { readonly guid: string; readonly name: string };
  readonly space: { readonly guid: string; readonly name: string };
  readonly organization: { readonly guid: string; readonly name: string };
  readonly process: {
    readonly guid: string;
    readonly version: string;
    readonly type: string;
    readonly command: string | null;
    readonly memoryMb: number;
    readonly diskMb: number;
    readonly logRateBytesPerSecond: number;
    readonly healthCheck: HealthCheckSettings;
    readonly readinessCheck: HealthCheckSettings;
    /** The image's HEALTHCHECK counts if the process has no check of its own. */
    readonly usesImageHealthCheck?: boolean;
    /** Null: the image's own. */
    readonly user: string | null;
    /** How long a start may take. */
    readonly startTimeoutS: number;
  };
  readonly image: ResolvedImage;
  /** Which signatures the cells shall ask of it; undefined: none. */
  readonly signaturePolicy?: SignaturePolicy | undefined;
  readonly execution: ExecutionMetadata;
  /** Sealed to the cells. */
  readonly credentials: string | undefined;
  readonly userVariables: Readonly<Record<string, string>>;
  readonly services: readonly BoundService[];
  readonly serviceMode: ServiceMode;
  /** Of this process type. */
  readonly sidecars: readonly Omit<SidecarSettings, 'types'>[];
  /** Cells must have them: the isolation segment of the space. */
  readonly placementTags: readonly string[];
  readonly runningGroup: Readonly<Record<string, string>>;
  /** Destinations of routes to this process type, oldest first. */
  readonly destinations: readonly { readonly url: string; readonly port: number | null }[];
}

export type RunInfoResult =
  | { readonly outcome: 'built'; readonly runInfo: RunInfo }
  | { readonly outcome: 'rejected'; readonly reason: string };

/** Builds the fixed part of a desired LRP. */
export function buildRunInfo(input: RunInfoInput): RunInfoResult {
  const { app, space, organization, process, execution } = input;
  const argv = startArguments(process.command, execution);
  if (argv.length === 0) {
    return {
      outcome: 'rejected',
      reason: `Start command not specified: process type '${process.type}' has none, and the image has neither ENTRYPOINT nor CMD`,
    };
  }
  const delivery = deliverServices(input.serviceMode, input.services);
  if (delivery.outcome === 'rejected') return delivery;
  const unmountable = volumesProblem(input.services);
  if (unmountable !== undefined) return { outcome: 'rejected', reason: unmountable };
  const exposedPorts = exposedTcpPorts(execution);
  const ports = processPorts(input);
  const uris = [...new Set(input.destinations.map(({ url }) => url))];
  const vcap = (memoryMb: number): Record<string, unknown> => {
    const limits = { memoryMb, diskMb: process.diskMb, fileDescriptors: FILE_DESCRIPTORS };
    return vcapApplication({ ...input, limits, uris });
  };
  const memoryMb = memoryBesideSidecars(process.memoryMb, input.sidecars);
  const sidecars = lrpSidecars({ process, sidecars: input.sidecars, vcapApplication: vcap });
  const readinessCheck = lrpReadinessCheck(process.readinessCheck);
  const ofImage =
    process.usesImageHealthCheck === true ? imageHealthCheck(process.type, process.healthCheck, execution) : undefined;
  const runInfo: RunInfo = {
    v: 1,
    processGuid: lrpGuid(process.guid, process.version),
    domain: 'cf-apps',
    app: {
      guid: app.guid,
      name: app.name,
      spaceGuid: space.guid,
      spaceName: space.name,
      organizationGuid: organization.guid,
      organizationName: organization.name,
    },
    process: { guid: process.guid, type: process.type },
    image: lrpImage(input.image, input.credentials, input.signaturePolicy),
    action: {
      argv,
      workdir: execution.workdir === '' ? '/' : execution.workdir,
      user: userOf(process.user, execution),
      imageEnv: [...execution.env],
      environment: processEnvironment({
        ports,
        runningGroup: input.runningGroup,
        userVariables: input.userVariables,
        vcapApplication: vcap(memoryMb),
        services: delivery.variables,
        memoryMb,
      }),
      ...(execution.stopSignal === undefined ? {} : { stopSignal: execution.stopSignal }),
      ...imageVolumes(execution),
    },
    ...(sidecars.length === 0 ? {} : { sidecars }),
    ...(delivery.files.length === 0 ? {} : { files: [...delivery.files] }),
    ...lrpVolumes(input.services),
    ports,
    resources: {
      memoryMb: process.memoryMb,
      diskMb: process.diskMb,
      cpuWeight: cpuWeight(process.memoryMb),
      maxPids: MAX_PIDS,
      nofile: FILE_DESCRIPTORS,
      logRateBytesPerSecond: process.logRateBytesPerSecond,
    },
    healthCheck: lrpHealthCheck(process.healthCheck),
    ...(ofImage === undefined ? {} : { imageHealthCheck: ofImage }),
    ...(readinessCheck === undefined ? {} : { readinessCheck }),
    startTimeoutMs: process.startTimeoutS * 1_000,
    placementTags: [...input.placementTags],
    log: { sourceId: app.guid, sourceType: `APP/PROC/${process.type.toUpperCase()}` },
    metricTags: {
      source_id: app.guid,
      process_id: process.guid,
      process_type: process.type,
      organization_id: organization.guid,
      organization_name: organization.name,
      space_id: space.guid,
      space_name: space.name,
      app_id: app.guid,
      app_name: app.name,
    },
    defaultRoutePort: defaultRoutePort(exposedPorts, ports),
  };
  const problem = recordProblem(app.name, runInfo);
  return problem === undefined ? { outcome: 'built', runInfo } : { outcome: 'rejected', reason: problem };
}

/** Nothing where the image has none. */
export function imageVolumes({ volumes = [] }: Pick<ExecutionMetadata, 'volumes'>): { imageVolumes?: string[] } {
  return volumes.length === 0 ? {} : { imageVolumes: [...volumes] };
}

/** Who a process runs as: whom the user chose, else the image's, else root. */
export function userOf(chosen: string | null, image: Pick<ExecutionMetadata, 'user'>): string {
  const user = chosen === null || chosen === '' ? image.user : chosen;
  return user === '' ? 'root' : user;
}

/** The container ports that a process would get now. */
export function processPorts(input: Pick<RunInfoInput, 'process' | 'execution' | 'destinations'>): number[] {
  const { process, execution, destinations } = input;
  return openPorts({
    explicitPorts: destinations.map(({ port }) => port).filter((port) => port !== null),
    hasPortlessDestination: destinations.some(({ port }) => port === null),
    exposedPorts: exposedTcpPorts(execution),
    processType: process.type,
    checksPort: process.healthCheck.type !== 'process' || process.readinessCheck.type !== 'process',
  });
}

/** What may change while the version stays. */
export interface LrpState {
  readonly instances: number;
  readonly routes: readonly {
    readonly url: string;
    readonly port: number | null;
    readonly protocol: string;
    readonly options?: RouteOptions;
  }[];
  /** Names on internal domains. */
  readonly internalHosts?: readonly string[];
  readonly updatedAt: string;
  /** Guids of instances to be stopped and replaced. */
  readonly retire: readonly string[];
}

function lrpOptions({ hash_balance: balance, ...options }: RouteOptions): { readonly options?: LrpRouteOptions } {
  const all = { ...options, ...(balance === undefined ? {} : { hash_balance: Number(balance) }) };
  return Object.keys(all).length === 0 ? {} : { options: all };
}

/** The record of KV `desired-lrps`. */
export function toDesiredLrp({ defaultRoutePort: fallback, ...runInfo }: RunInfo, state: LrpState): DesiredLrp {
  return {
    ...runInfo,
    instances: state.instances,
    updatedAt: state.updatedAt,
    routes: state.routes.map(({ url, port, protocol, options }) => ({
      uri: url,
      port: port ?? fallback,
      protocol: protocol === 'http2' ? 'http2' : 'http1',
      ...lrpOptions(options ?? {}),
    })),
    ...(state.internalHosts?.length ? { internalHosts: [...state.internalHosts] } : {}),
    ...(state.retire.length === 0 ? {} : { retire: [...state.retire] }),
  };
}
