import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type Digest, digestOf, mediaTypes, type Platform } from '@slipway/oci';
import { type RawTarBytes, type TarEntry, tarArchive } from './tar-writer.ts';

/** Content with its address. */
export interface BuiltContent {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly bytes: Buffer;
}

export type LayerPacking = 'none' | 'gzip' | 'zstd';

export interface BuiltLayer {
  readonly packing: LayerPacking;
  /** Packed. */
  readonly bytes: Buffer;
  readonly digest: Digest;
  readonly size: number;
  /** Of the tar inside. */
  readonly diffId: Digest;
}

/** OCI's media types or Docker's. */
export type ImageFormat = 'oci' | 'docker';

/** The `config` object of an image config, in Docker's spelling. */
export interface BuiltConfigFields {
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly StopSignal?: string;
  readonly Healthcheck?: object;
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly Labels?: Readonly<Record<string, string>>;
}

export interface ImageSpec {
  /** Lowest first. */
  readonly layers: readonly BuiltLayer[];
  readonly config?: BuiltConfigFields;
  /** Default linux/amd64. */
  readonly platform?: Platform;
  readonly format?: ImageFormat;
}

export interface BuiltImage {
  readonly kind: 'image';
  readonly platform: Platform;
  readonly manifest: BuiltContent;
  readonly config: BuiltContent;
  readonly layers: readonly BuiltLayer[];
  /** What a registry must have before it takes the manifest. */
  readonly blobs: readonly { readonly digest: Digest; readonly bytes: Buffer }[];
}

export interface BuiltIndex {
  readonly kind: 'index';
  readonly manifest: BuiltContent;
  /** The attestations count as images here. */
  readonly images: readonly BuiltImage[];
}

const LAYER_TYPES: Readonly<Record<ImageFormat, Readonly<Record<LayerPacking, string>>>> = {
  oci: { none: mediaTypes.ociLayer, gzip: mediaTypes.ociLayerGzip, zstd: mediaTypes.ociLayerZstd },
  docker: {
    none: mediaTypes.dockerLayer,
    gzip: mediaTypes.dockerLayerGzip,
    zstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
  },
};

const LINUX_AMD64: Platform = { os: 'linux', architecture: 'amd64' };

/** A layer of these entries; the same entries give the same bytes. */
export function buildLayer(entries: readonly (TarEntry | RawTarBytes)[], packing: LayerPacking = 'gzip'): BuiltLayer {
  return packLayer(tarArchive(entries), packing);
}

/** A layer of any bytes, tar or not. */
export function packLayer(tar: Uint8Array, packing: LayerPacking = 'gzip'): BuiltLayer {
  const bytes = pack(Buffer.from(tar), packing);
  return { packing, bytes, digest: digestOf(bytes), size: bytes.length, diffId: digestOf(tar) };
}

function pack(tar: Buffer, packing: LayerPacking): Buffer {
  switch (packing) {
    case 'gzip':
      return gzipSync(tar);
    case 'zstd':
      return zstdCompressSync(tar);
    case 'none':
      return tar;
  }
}

/** JSON as content with its address. */
export function jsonContent(mediaType: string, document: unknown): BuiltContent {
  const bytes = Buffer.from(JSON.stringify(document, null, 2));
  return { mediaType, digest: digestOf(bytes), size: bytes.length, bytes };
}

function descriptor({ mediaType, digest, size }: Omit<BuiltContent, 'bytes'>): Omit<BuiltContent, 'bytes'> {
  return { mediaType, digest, size };
}

/** An image with an OCI manifest, or with Docker's schema 2. Reproducible: no times, no random names. */
export function buildImage({ layers, config = {}, platform = LINUX_AMD64, format = 'oci' }: ImageSpec): BuiltImage {
  const configContent = jsonContent(format === 'oci' ? mediaTypes.ociConfig : mediaTypes.dockerConfig, {
    created: '1970-01-01T00:00:00Z',
    ...platform,
    config,
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created: '1970-01-01T00:00:00Z' })),
  });
  const manifest = jsonContent(format === 'oci' ? mediaTypes.ociManifest : mediaTypes.dockerManifest, {
    schemaVersion: 2,
    mediaType: format === 'oci' ? mediaTypes.ociManifest : mediaTypes.dockerManifest,
    config: descriptor(configContent),
    layers: layers.map(({ digest, size, packing }) => ({ mediaType: LAYER_TYPES[format][packing], digest, size })),
  });
  return { kind: 'image', platform, manifest, config: configContent, layers, blobs: [configContent, ...layers] };
}

/** An OCI index or a Docker manifest list of these images; with attestations as buildx adds them. */
export function buildIndex(
  images: readonly BuiltImage[],
  { format = 'oci', attestations = false }: { readonly format?: ImageFormat; readonly attestations?: boolean } = {},
): BuiltIndex {
  const mediaType = format === 'oci' ? mediaTypes.ociIndex : mediaTypes.dockerManifestList;
  const attested = attestations ? images.map(buildAttestation) : [];
  const manifest = jsonContent(mediaType, {
    schemaVersion: 2,
    mediaType,
    manifests: [
      ...images.map((image) => ({ ...descriptor(image.manifest), platform: image.platform })),
      ...attested.map((attestation, i) => ({
        ...descriptor(attestation.manifest),
        annotations: {
          'vnd.docker.reference.digest': images[i]?.manifest.digest,
          'vnd.docker.reference.type': 'attestation-manifest',
        },
        platform: attestation.platform,
      })),
    ],
  });
  return { kind: 'index', manifest, images: [...images, ...attested] };
}

/** What buildx stores beside an image: a manifest of platform unknown/unknown whose layer is an in-toto statement. */
export function buildAttestation(image: BuiltImage): BuiltImage {
  const statement = jsonContent('application/vnd.in-toto+json', {
    _type: 'https://in-toto.io/Statement/v0.1',
    predicateType: 'https://spdx.dev/Document',
    subject: [{ name: 'image', digest: { sha256: image.manifest.digest.slice('sha256:'.length) } }],
    predicate: {},
  });
  const platform: Platform = { os: 'unknown', architecture: 'unknown' };
  const config = jsonContent(mediaTypes.ociConfig, {
    ...platform,
    config: {},
    rootfs: { type: 'layers', diff_ids: [statement.digest] },
  });
  const manifest = jsonContent(mediaTypes.ociManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: descriptor(config),
    layers: [{ ...descriptor(statement), annotations: { 'in-toto.io/predicate-type': 'https://spdx.dev/Document' } }],
  });
  return { kind: 'image', platform, manifest, config, layers: [], blobs: [config, statement] };
}
