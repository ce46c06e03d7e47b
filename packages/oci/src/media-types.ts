/** The media types that Slipway reads: OCI image-spec 1.1 `media-types.md` and Docker's image manifest v2 schema 2. */
export const mediaTypes = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerSchema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
} as const;

export type IndexMediaType = typeof mediaTypes.ociIndex | typeof mediaTypes.dockerManifestList;
export type ManifestMediaType = typeof mediaTypes.ociManifest | typeof mediaTypes.dockerManifest;

export function isIndexMediaType(type: string): type is IndexMediaType {
  return type === mediaTypes.ociIndex || type === mediaTypes.dockerManifestList;
}

export function isManifestMediaType(type: string): type is ManifestMediaType {
  return type === mediaTypes.ociManifest || type === mediaTypes.dockerManifest;
}

export function isSchema1MediaType(type: string): boolean {
  return type === mediaTypes.dockerSchema1 || type === mediaTypes.dockerSchema1Signed;
}

/** How a layer's tar is packed. */
export type LayerCompression = 'none' | 'gzip' | 'zstd';

/**
 * Foreign ("nondistributable") layers are layers like any other here: their bytes are asked of the registry itself, and
 * their `urls` are never followed (CVE-2020-15157).
 */
const LAYERS: ReadonlyMap<string, LayerCompression> = new Map([
  [mediaTypes.ociLayer, 'none'],
  [mediaTypes.ociLayerGzip, 'gzip'],
  [mediaTypes.ociLayerZstd, 'zstd'],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar', 'none'],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', 'gzip'],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar+zstd', 'zstd'],
  [mediaTypes.dockerLayer, 'none'],
  [mediaTypes.dockerLayerGzip, 'gzip'],
  ['application/vnd.docker.image.rootfs.diff.tar.zstd', 'zstd'],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar', 'none'],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'gzip'],
]);

/** Undefined for what is not a layer that Slipway can apply. */
export function layerCompression(mediaType: string): LayerCompression | undefined {
  return LAYERS.get(mediaType);
}

const CONFIGS: ReadonlySet<string> = new Set([
  mediaTypes.ociConfig,
  mediaTypes.dockerConfig,
  // Docker 1.10 pushed schema 2 manifests with this config type, and such images are still around.
  'application/octet-stream',
]);

export function isConfigMediaType(type: string): boolean {
  return CONFIGS.has(type);
}

/**
 * What a manifest request accepts. The wildcard makes a registry answer with what it has, a schema 1 manifest or a
 * stranger, so that the refusal can name it; without it the answer would be a "not found" that misleads.
 */
export const manifestAccept: string = [
  mediaTypes.ociIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifestList,
  mediaTypes.dockerManifest,
  '*/*;q=0.1',
].join(', ');

/** The bare media type of a Content-Type header: no parameters, lower case; undefined when there is none. */
export function bareMediaType(header: string | undefined): string | undefined {
  const bare = header?.split(';', 1)[0]?.trim().toLowerCase();
  return bare === '' ? undefined : bare;
}
