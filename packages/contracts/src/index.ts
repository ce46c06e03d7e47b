export { type BusAccess, busAccess, type ServiceName, serviceNames } from './bus-access.ts';
export { type CellPresence, cellPresenceSchema, type Lease, leaseSchema } from './cell.ts';
export { type CellDisk, cellDiskSchema } from './cell-disk.ts';
export {
  cellIdSchema,
  cellSubnetSchema,
  digestSchema,
  guidSchema,
  nanosecondsSchema,
  portSchema,
  processGuidSchema,
  sealedSchema,
  timeSchema,
} from './common.ts';
export { parseRegistryCredentials, type RegistryCredentials } from './credentials.ts';
export { type DeadLetter, deadLetter, deadLetterSchema } from './dead-letter.ts';
export {
  type DesiredLrp,
  type DomainFreshness,
  desiredLrpSchema,
  domainFreshnessSchema,
  type HealthCheck,
  healthCheckSchema,
  type ImageHealthCheck,
  type LrpFiles,
  type LrpRoute,
  type LrpRouteOptions,
  type LrpSidecar,
  lrpRouteSchema,
  type ReadinessCheck,
} from './desired-lrp.ts';
export { type EgressRule, type Ipv4Range, parseIpv4Range } from './egress.ts';
export {
  type ExecutionMetadata,
  executionMetadataSchema,
  exposedPortSchema,
  type LayerDescriptor,
  layerSchema,
  type ResolvedImage,
  resolvedImageSchema,
} from './image.ts';
export {
  type Instance,
  type InstanceMetrics,
  instanceMetrics,
  instanceMetricsSchema,
  instancePhaseSchema,
  instanceSchema,
} from './instance.ts';
export { type LogEnvelope, logEnvelope, logEnvelopeSchema } from './log-envelope.ts';
export { type Message, type MessageDefinition, parseMessage } from './message.ts';
export {
  inboxPrefix,
  jetStreamPrefix,
  type NatsParticipant,
  natsUserName,
  storedSubject,
  streamsOf,
} from './nats-accounts.ts';
export { type NatsServerConfig, renderNatsServerConfig } from './nats-server-config.ts';
export {
  type InternalDomain,
  internalDomainSchema,
  type NetworkFreshness,
  type NetworkPolicy,
  type NetworkRecord,
  networkFreshnessSchema,
  networkPolicySchema,
  networkRecordSchema,
} from './network-policy.ts';
export {
  type Placement,
  type PlacementRecord,
  placementRecordSchema,
  placementSchema,
  type Unplaced,
  unplacedSchema,
} from './placement.ts';
export {
  type RegistryCheckRequest,
  type RegistryCheckResult,
  registryCheckRequest,
  registryCheckRequestSchema,
  registryCheckResult,
  registryCheckResultSchema,
} from './registry-check.ts';
export {
  type RouterRegister,
  type RouterStart,
  routerRegisterSchema,
  routerStartSchema,
  routerSubjects,
} from './router-messages.ts';
export {
  SESSION_KEY_IDENTITY,
  type SessionRefusal,
  type SessionRequest,
  sessionExitSchema,
  sessionFrames,
  sessionRefusalSchema,
  sessionRequestSchema,
  TOOLS_PATH,
  terminalSizeSchema,
} from './session-link.ts';
export {
  type ImageSignatures,
  imageSignaturesSchema,
  type SignaturePolicy,
  signaturePolicySchema,
  signatureProofSchema,
} from './signature.ts';
export {
  type StagingRequest,
  type StagingResult,
  stagingPhaseSchema,
  stagingRequest,
  stagingRequestSchema,
  stagingResult,
  stagingResultSchema,
} from './staging.ts';
export {
  type DesiredTask,
  desiredTaskSchema,
  type TaskFailed,
  type TaskPlaced,
  type TaskPlacement,
  type TaskRecord,
  type TaskRefused,
  type TaskState,
  type TasksFreshness,
  taskFailedSchema,
  taskPlacedSchema,
  taskRecordSchema,
  taskRefusedSchema,
  taskStateSchema,
  tasksFreshnessSchema,
} from './task.ts';
export { type BucketDefinition, buckets, keys, type StreamDefinition, streams } from './topology.ts';
export type { LrpVolume } from './volume.ts';
export {
  type ImagesFreshness,
  imagesFreshnessSchema,
  type WantedImage,
  wantedImageSchema,
} from './wanted-image.ts';
