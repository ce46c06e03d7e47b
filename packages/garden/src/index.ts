export type { ContainerLimits } from './bundle/oci-config.ts';
export { asGardenError, GARDEN_ERRORS, GardenError, type GardenErrorCode, type GardenPhase } from './errors.ts';
export { type CheckDefinition, HEALTH_DEFAULTS, runCheck, runChecks } from './health/check-definition.ts';
export type { CheckResult } from './health/check-result.ts';
export type { ProcessRequest } from './image/process.ts';
export { DEFAULT_WATERMARKS, type Watermarks } from './layers/disk-marks.ts';
export type { ImageName } from './layers/image-name.ts';
export type {
  EnsureOptions,
  FetchLayer,
  HeldLayers,
  LayerDescriptor,
  LayerHandle,
  LayerListing,
  LayerProgress,
  LayerSource,
  LayerStoreOptions,
  PinnedImage,
} from './layers/layer.ts';
export type { CollectionFigures } from './layers/layer-collector.ts';
export type { AppUse, ImageUse, LayerLedger, LedgerBytes } from './layers/layer-ledger.ts';
export { LayerStore } from './layers/layer-store.ts';
export type { OwnedIds } from './layers/owned-ids.ts';
export type { SharedLayer } from './layers/shared-layer.ts';
export { type SlowLimits, SlowWatch } from './layers/slow-watch.ts';
export type { LogLine, LogReader, LogSink } from './logs/log-reader.ts';
export type { EgressRule } from './network/egress-rules.ts';
export type { PacketNews } from './network/packet-log.ts';
export type { GroupPolicies, GroupPolicy } from './network/policy-table.ts';
export type { VolumeSpec } from './rootfs/volume-spec.ts';
export type { Container, StopOutcome } from './runtime/container.ts';
export type { ContainerExit, ContainerState } from './runtime/container-record.ts';
export type { ContainerSpec, FilesSpec, SidecarSpec } from './runtime/container-spec.ts';
export type { ContainerStats } from './runtime/container-stats.ts';
export { CONTAINER_STEPS, type ContainerStep, type StepListener } from './runtime/container-steps.ts';
export { Garden } from './runtime/garden.ts';
export type { GardenOptions } from './runtime/garden-options.ts';
export type { Isolation } from './runtime/isolation.ts';
export type { Programs } from './runtime/programs.ts';
export type { ExecSpec, Session } from './runtime/session.ts';
export type { Sidecar } from './runtime/sidecar.ts';
export type { SweepReport } from './runtime/sweep.ts';
export { DEFAULT_LAYER_LIMITS, type LayerLimits } from './tar/limits.ts';
