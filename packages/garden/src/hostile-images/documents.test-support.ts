import { type BuiltContent, buildImage, buildLayer, jsonContent } from '@slipway/testing';
import { sha256 } from '../layers/digest.test-support.ts';
import type { Documents, HostileDocuments, Outcome } from './hostile-image.test-support.ts';

export const OCI = 'application/vnd.oci.image.manifest.v1+json';
export const INDEX = 'application/vnd.oci.image.index.v1+json';
export const LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
export const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

export type Json = Record<string, unknown>;
export type Refusal = Extract<Outcome, { refused: unknown }>['refused'];

export const base = buildImage({ layers: [buildLayer([{ name: 'f', content: 'x' }])] });
export const parsed = (content: BuiltContent): Json => JSON.parse(content.bytes.toString()) as Json;
export const MANIFEST = parsed(base.manifest);
export const CONFIG_JSON = parsed(base.config);
export const [LAYER_ENTRY] = MANIFEST.layers as readonly Json[];

export const content = (mediaType: string, bytes: Uint8Array | string): BuiltContent => {
  const buffer = Buffer.from(bytes as string);
  return { mediaType, bytes: buffer, size: buffer.length, digest: sha256(buffer) as BuiltContent['digest'] };
};
export const described = ({ mediaType, digest, size }: BuiltContent): Json => ({ mediaType, digest, size });

/** What is asked for as `v1`, and what else there is. */
export function registry(
  top: BuiltContent,
  others: readonly BuiltContent[],
  blobs: readonly BuiltContent[],
): Documents {
  const named = Object.fromEntries(others.map((each) => [each.digest, each]));
  return {
    manifests: { v1: top, [top.digest]: top, ...named },
    blobs: Object.fromEntries(blobs.map(({ digest, bytes }) => [digest, bytes])),
  };
}

/** An image with another config: an object, or the text itself. */
export function withConfig(config: Json | string | Uint8Array): Documents {
  const made =
    typeof config === 'string' || config instanceof Uint8Array ? content(CONFIG, config) : jsonContent(CONFIG, config);
  return registry(jsonContent(OCI, { ...MANIFEST, config: described(made) }), [], [made]);
}

export const withFields = (fields: Json): Documents => withConfig({ ...CONFIG_JSON, config: fields });
export const withManifest = (changes: Json): Documents =>
  registry(jsonContent(OCI, { ...MANIFEST, ...changes }), [], [base.config]);
export const withText = (text: string | Uint8Array, mediaType = OCI): Documents =>
  registry(content(mediaType, text), [], [base.config]);

export function bad(name: string, code: Refusal, documents: () => Documents): HostileDocuments {
  return { kind: 'documents', name, expect: { refused: code }, documents };
}

export function good(name: string, read: unknown, documents: () => Documents): HostileDocuments {
  return { kind: 'documents', name, expect: { read }, documents };
}
