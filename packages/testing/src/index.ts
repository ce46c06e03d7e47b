export { CfApiError, CfClient, type CfClientOptions, type HttpAnswer, type InstanceStats } from './cf-client.ts';
export { dockerEngineAnswers } from './docker-engine.ts';
export {
  type BuiltConfigFields,
  type BuiltContent,
  type BuiltImage,
  type BuiltIndex,
  type BuiltLayer,
  buildAttestation,
  buildImage,
  buildIndex,
  buildLayer,
  type ImageFormat,
  type ImageSpec,
  jsonContent,
  type LayerPacking,
  packLayer,
} from './image-builder.ts';
export { type LrpChanges, lrpOfImage } from './image-lrp.ts';
export {
  type PushedImage,
  type PushOptions,
  type PushTarget,
  pushBlob,
  pushImage,
  pushManifest,
} from './image-push.ts';
export {
  type MadeSignature,
  messageBundle,
  pushSignatureReferrers,
  pushSignatureTag,
  type SigningKeys,
  type SigningKeyType,
  type SigningWish,
  signBytes,
  signingKeys,
  signingPayload,
  simpleSignature,
  statementBundle,
} from './image-signing.ts';
export { ESCAPES, type Escape, type EscapeOutcome, lookAround } from './isolation/escapes.ts';
export type { Probe, ProbeFamily, ProbeOutcome, ProbeVariables } from './isolation/probe.ts';
export { probeBase, probeEntries, probeOutcomes } from './isolation/probe-image.ts';
export { isolationProbes } from './isolation/probes.ts';
export { openSealedMachine, runSealed, type SealedMachine } from './isolation/sealed-machine.ts';
export { type NatsHandle, type NatsOptions, startNats } from './nats.ts';
export {
  answering,
  attachNeighbour,
  connectFrom,
  inNetworkOf,
  NetworkProcesses,
  sendFrom,
} from './network-neighbour.ts';
export { type ApiExchange, checkAgainstOpenapi } from './openapi-conformance.ts';
export { type PostgresHandle, postgresPrograms, startPostgres } from './postgres.ts';
export { startAnyRegistry } from './registry.ts';
export { type RegistryContainerOptions, startRegistryContainer } from './registry-container.ts';
export { type RegistryFront, type RegistryWeather, startRegistryFront } from './registry-front.ts';
export type { RegistryHandle } from './registry-handle.ts';
export { type RegistryAuth, type RegistryOptions, type RegistryProcess, startRegistry } from './registry-process.ts';
export type { TokenRequest, TokenServerOptions } from './registry-token-server.ts';
export { SAMPLE_GREETING, SAMPLE_PORTS, sampleImage } from './sample-image.ts';
export { buildSchema1 } from './schema1.ts';
export { type SelfSigned, selfSigned } from './self-signed.ts';
export { type RuntimeCommand, type StandInRuntime, standInRuntime } from './stand-in-runtime.ts';
export {
  opaque,
  paxRecords,
  type RawTarBytes,
  type TarEntry,
  type TarEntryType,
  type TarText,
  tarArchive,
  whiteout,
} from './tar-writer.ts';
export { type TestNeed, testNeeds } from './test-needs.ts';
