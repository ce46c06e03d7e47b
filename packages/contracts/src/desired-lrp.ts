import { z } from 'zod';
import { guidSchema, portSchema, processGuidSchema, sealedSchema, timeSchema } from './common.ts';
import { egressRuleSchema } from './egress.ts';
import { resolvedImageSchema } from './image.ts';
import { signaturePolicySchema } from './signature.ts';
import { volumeSchema } from './volume.ts';

/** Every port of the LRP must accept a connection (Diego). */
const portCheckSchema = z.object({
  type: z.literal('port'),
  invocationTimeoutMs: z.int().positive(),
  intervalMs: z.int().positive(),
});

/** GET on the first port must answer exactly 200. */
const httpCheckSchema = z.object({
  type: z.literal('http'),
  endpoint: z.string().startsWith('/'),
  invocationTimeoutMs: z.int().positive(),
  intervalMs: z.int().positive(),
});

export const healthCheckSchema = z.discriminatedUnion('type', [
  portCheckSchema,
  httpCheckSchema,
  /** Running as soon as the process is. */
  z.object({ type: z.literal('process') }),
]);
export type HealthCheck = z.infer<typeof healthCheckSchema>;

/** A program of the image that ends with 0 while the instance is healthy (Docker's HEALTHCHECK); defaults filled in. */
const imageHealthCheckSchema = z.object({
  argv: z.array(z.string()).min(1),
  /** Between the end of a check and the next one. */
  intervalMs: z.number().positive(),
  /** For one check; then all that it started is killed. */
  timeoutMs: z.number().positive(),
  /** Consecutive failures until the instance is unhealthy. */
  retries: z.int().positive(),
  /** From the start of the process: failures do not count until the first success. */
  startPeriodMs: z.number().nonnegative(),
  /** Between checks within the start period. */
  startIntervalMs: z.number().positive(),
});
export type ImageHealthCheck = z.infer<typeof imageHealthCheckSchema>;

/** While it fails, a running instance gets no requests; it runs on. */
const readinessCheckSchema = z.discriminatedUnion('type', [portCheckSchema, httpCheckSchema]);
export type ReadinessCheck = z.infer<typeof readinessCheckSchema>;

/** What the routers are told besides, in Gorouter's words (`options` of `router.register`). */
const routeOptionsSchema = z.object({
  loadbalancing: z.enum(['round-robin', 'least-connection', 'hash']).optional(),
  /** Of `hash`: the request field whose value chooses the instance. */
  hash_header: z.string().min(1).optional(),
  /** Of `hash`: an instance with so many times the mean of the others' requests is passed over; 0: none ever is. */
  hash_balance: z.number().nonnegative().optional(),
});
export type LrpRouteOptions = z.infer<typeof routeOptionsSchema>;

/** A process beside the app in every instance; when either ends, the instance does. */
const sidecarSchema = z.object({
  name: z.string().min(1),
  argv: z.array(z.string()).min(1),
  /** Over the app's own. */
  environment: z.record(z.string(), z.string()),
  /** Such as APP/PROC/WEB/SIDECAR/PROXY. */
  sourceType: z.string(),
});
export type LrpSidecar = z.infer<typeof sidecarSchema>;

/** A read-only directory of files in every instance. */
const filesSchema = z.object({
  destination: z.string().startsWith('/'),
  files: z.array(z.object({ path: z.string().min(1), content: z.string() })),
});
export type LrpFiles = z.infer<typeof filesSchema>;

/** A route to put before each running instance. `uri` is host with an optional path, as Gorouter's `uris` has it. */
export const lrpRouteSchema = z.object({
  uri: z.string().min(1),
  port: portSchema,
  protocol: z.enum(['http1', 'http2']),
  options: routeOptionsSchema.optional(),
});
export type LrpRoute = z.infer<typeof lrpRouteSchema>;

/**
 * A process that shall run (Diego's DesiredLRP). Writer: cloud-controller, rebuilt from SQL.
 * KV `desired-lrps`, key `lrp.<process guid>`. `instances`, `routes`, `internalHosts`, `egress`, `retire`,
 * `updatedAt` and `image.credentials` change in place; any other change is a new process guid.
 */
export const desiredLrpSchema = z.object({
  v: z.literal(1),
  processGuid: processGuidSchema,
  domain: z.literal('cf-apps'),
  updatedAt: timeSchema,
  instances: z.int().nonnegative(),
  app: z.object({
    guid: guidSchema,
    name: z.string(),
    spaceGuid: guidSchema,
    spaceName: z.string(),
    organizationGuid: guidSchema,
    organizationName: z.string(),
  }),
  process: z.object({ guid: guidSchema, type: z.string().min(1) }),
  image: resolvedImageSchema.extend({
    /** `{"username","password"}` sealed to the cell key. */
    credentials: sealedSchema.optional(),
    /** What the image's signatures must satisfy before it is made a container of. */
    signaturePolicy: signaturePolicySchema.optional(),
  }),
  action: z.object({
    /** Executed directly; argv[0] is looked up through PATH in the image. */
    argv: z.array(z.string()).min(1),
    workdir: z.string(),
    user: z.string(),
    /** The image's own, `NAME=value` verbatim. `environment` comes over it. */
    imageEnv: z.array(z.string()),
    environment: z.record(z.string(), z.string()),
    stopSignal: z.string().optional(),
    /** VOLUME paths of the image: directories of its own, made where it lacks them. */
    imageVolumes: z.array(z.string()).optional(),
  }),
  /** With the app's user, directory and limits. */
  sidecars: z.array(sidecarSchema).optional(),
  files: z.array(filesSchema).optional(),
  volumes: z.array(volumeSchema).optional(),
  /** Container ports; the first is PORT. */
  ports: z.array(portSchema),
  resources: z.object({
    memoryMb: z.int().positive(),
    /** Of the writable layer. */
    diskMb: z.int().positive(),
    /** 1-100 (Cloud Controller: 100 * clamp(memory, 128, 8192) / 8192). */
    cpuWeight: z.int().min(1).max(100),
    maxPids: z.int().positive(),
    nofile: z.int().positive(),
    /** -1: no limit; 0: drop all. */
    logRateBytesPerSecond: z.int().min(-1),
  }),
  healthCheck: healthCheckSchema,
  /** Instead of `healthCheck`: the image's own HEALTHCHECK, for an app that has it switched on. */
  imageHealthCheck: imageHealthCheckSchema.optional(),
  readinessCheck: readinessCheckSchema.optional(),
  startTimeoutMs: z.int().positive(),
  routes: z.array(lrpRouteSchema),
  /** Names on internal domains that lead to the instances; routers are told nothing of them. Changes in place. */
  internalHosts: z.array(z.string().min(1)).optional(),
  /** What its instances may open connections to, whenever they were started; absent: all that is not denied anyway. */
  egress: z.array(egressRuleSchema).optional(),
  /** Guids of instances to be stopped and replaced (`cf restart-app-instance`). A guid names one instance for ever. */
  retire: z.array(guidSchema).optional(),
  placementTags: z.array(z.string()),
  /** For log envelopes: `sourceId` is the app guid, `sourceType` such as APP/PROC/WEB. */
  log: z.object({ sourceId: guidSchema, sourceType: z.string() }),
  metricTags: z.record(z.string(), z.string()),
});
export type DesiredLrp = z.infer<typeof desiredLrpSchema>;

/**
 * Says that the bucket held everything that is desired when this was written (Diego's domain freshness).
 * It lies in the same bucket as the LRPs so that it is ordered after them. Key `domain.cf-apps`.
 */
export const domainFreshnessSchema = z.object({
  v: z.literal(1),
  domain: z.literal('cf-apps'),
  refreshedAt: timeSchema,
  /** Fresh for so long after it was received (Cloud Controller: 120 s). */
  ttlMs: z.int().positive(),
  lrpCount: z.int().nonnegative(),
});
export type DomainFreshness = z.infer<typeof domainFreshnessSchema>;
