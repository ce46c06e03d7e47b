export {
  cellIdSchema,
  digestSchema,
  guidSchema,
  nanosecondsSchema,
  portSchema,
  processGuidSchema,
  sealedSchema,
  timeSchema,
} from './common.ts';
export { cellPresenceSchema, leaseSchema, type CellPresence, type Lease } from './cell.ts';
export { registryCredentialsSchema, type RegistryCredentials } from './credentials.ts';
export { deadLetter, deadLetterSchema, type DeadLetter } from './dead-letter.ts';
export {
  desiredLrpSchema,
  domainFreshnessSchema,
  healthCheckSchema,
  lrpRouteSchema,
  type DesiredLrp,
  type DomainFreshness,
  type HealthCheck,
  type LrpRoute,
} from './desired-lrp.ts';
export {
  executionMetadataSchema,
  exposedPortSchema,
  layerSchema,
  resolvedImageSchema,
  type ExecutionMetadata,
  type LayerDescriptor,
  type ResolvedImage,
} from './image.ts';
export {
  instanceMetrics,
  instanceMetricsSchema,
  instancePhaseSchema,
  instanceSchema,
  type Instance,
  type InstanceMetrics,
} from './instance.ts';
export { logEnvelope, logEnvelopeSchema, type LogEnvelope } from './log-envelope.ts';
export { parseMessage, type Message, type MessageDefinition } from './message.ts';
export {
  busAccess,
  inboxPrefix,
  natsPermissions,
  serviceNames,
  type BusAccess,
  type NatsPermissions,
  type ServiceName,
} from './permissions.ts';
export {
  placementRecordSchema,
  placementSchema,
  unplacedSchema,
  type Placement,
  type PlacementRecord,
  type Unplaced,
} from './placement.ts';
export {
  routerRegisterSchema,
  routerStartSchema,
  routerSubjects,
  type RouterRegister,
  type RouterStart,
} from './router-messages.ts';
export {
  stagingPhaseSchema,
  stagingRequest,
  stagingRequestSchema,
  stagingResult,
  stagingResultSchema,
  type StagingRequest,
  type StagingResult,
} from './staging.ts';
export { buckets, keys, streams, type BucketDefinition, type StreamDefinition } from './topology.ts';
