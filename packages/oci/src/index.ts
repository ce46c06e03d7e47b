export type { Descriptor } from './descriptor.ts';
export { type Digest, digestHex, digestOf, isDigest, parseDigest } from './digest.ts';
export { OciError, type OciErrorCode, ociErrors, ReferenceSyntaxError } from './errors.ts';
export { type ExposedPort, lowestTcpPort, type PortProtocol, parseExposedPorts } from './exposed-ports.ts';
export { type ImageConfig, type ImageHealthcheck, parseImageConfig } from './image-config.ts';
export type { ImageIndex, IndexEntry } from './image-index.ts';
export { imageLimitSettings, imageLimitsOf } from './image-limit-settings.ts';
export {
  DEFAULT_IMAGE_LIMITS,
  type ImageLimits,
  imageLimitProblem,
} from './image-limits.ts';
export {
  type ImageLayer,
  type ImageManifest,
  imageLayers,
  MAX_CONFIG_BYTES,
  MAX_LAYERS,
} from './image-manifest.ts';
export {
  type ClaimedTypes,
  MAX_MANIFEST_BYTES,
  type ManifestDocument,
  parseManifestDocument,
} from './manifest-document.ts';
export { type LayerCompression, layerCompression, mediaTypes } from './media-types.ts';
export {
  formatPlatform,
  hostPlatform,
  normalizePlatform,
  type Platform,
  platformDistance,
  selectPlatform,
} from './platform.ts';
export {
  atDigest,
  familiarReference,
  formatReference,
  HUB,
  manifestSelector,
  parseReference,
  parseRegistry,
  type Reference,
  withDefaultTag,
} from './reference.ts';
export type { LoginAnswer } from './registry/check-login.ts';
export type { HelperFailure, HelperOptions, HelperUser } from './registry/credential-helper.ts';
export { RegistryCredentials } from './registry/credentials.ts';
export { timedSignal } from './registry/deadline.ts';
export { DocumentCache, type DocumentCacheOptions } from './registry/document-cache.ts';
export { type Deadlines, defaultDeadlines, defaultRetries, type RetryPolicy } from './registry/limits.ts';
export { RegistryClient, type RegistryClientOptions, type RepositoryAccess } from './registry/registry-client.ts';
export { RegistryError, type RegistryPhase } from './registry/registry-error.ts';
export type {
  CallOptions,
  FetchedManifest,
  ManifestDescriptor,
  RepositoryClient,
} from './registry/repository-client.ts';
export type { ManifestContent, OpenContent, RepositoryWriter } from './registry/repository-writer.ts';
export {
  type InspectedImage,
  inspectImage,
  type ResolvedManifest,
  type ResolveOptions,
  resolveImage,
} from './registry/resolve.ts';
export { type FlightPassenger, type FlightResult, SharedFlights } from './registry/shared-flight.ts';
export {
  DROPLET_REGISTRY_FORM,
  type DropletRegistry,
  mayBeDropletCopy,
  parseDropletRegistry,
} from './settings/droplet-registry.ts';
export { type FollowSettingsOptions, followRegistrySettings } from './settings/follow-settings.ts';
export { loadRegistrySettings } from './settings/load-settings.ts';
export { registryClientOptions, registryConfig } from './settings/registry-config.ts';
export type { RegistryEntry, RegistrySettings } from './settings/registry-settings.ts';
export {
  findSignatures,
  type SearchedPlace,
  type SignatureRejection,
  type SignatureSearch,
} from './signature/find-signatures.ts';
export {
  type AcceptedSignature,
  checkImageSignatures,
  type ImageSignatures,
  type PinnedImage,
  type SignaturePolicy,
} from './signature/image-signatures.ts';
export type { SignatureFormat, SignatureProof } from './signature/proof.ts';
export { parsePublicKey, type TrustedKey, type TrustedKeyType } from './signature/public-key.ts';
export { ContentVerifier, type ExpectedContent, VerifyingStream } from './verify-stream.ts';
