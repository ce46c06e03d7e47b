import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type Digest, digestHex, digestOf, mediaTypes } from '@slipway/oci';
import { type BuiltContent, jsonContent } from './image-builder.ts';
import { type PushOptions, type PushTarget, pushBlob, pushManifest } from './image-push.ts';

const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';
const SIGNATURE_CONFIG = 'application/vnd.dev.cosign.artifact.sig.v1+json';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const EMPTY = 'application/vnd.oci.empty.v1+json';
const IN_TOTO = 'application/vnd.in-toto+json';

export type SigningKeyType = 'ecdsa' | 'rsa' | 'ed25519';

export interface SigningKeys {
  /** PEM, as `cosign generate-key-pair` writes it. */
  readonly publicKey: string;
  readonly privateKey: KeyObject;
}

export function signingKeys(type: SigningKeyType = 'ecdsa'): SigningKeys {
  const { publicKey, privateKey } = generate(type);
  return { publicKey: publicKey.export({ format: 'pem', type: 'spki' }).toString(), privateKey };
}

function generate(type: SigningKeyType): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  if (type === 'rsa') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  if (type === 'ed25519') return generateKeyPairSync('ed25519');
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
}

/** As cosign signs with such a key. */
export function signBytes({ privateKey }: SigningKeys, bytes: Uint8Array): Buffer {
  return sign(privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256', bytes, privateKey);
}

/** A layer of a manifest of signatures: simple signing, as of `cosign sign`. */
export interface MadeSignature {
  readonly blob: BuiltContent;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface SigningWish {
  /** What the payload says is signed. */
  readonly digest: Digest;
  /** The repository that it names. */
  readonly reference?: string;
  readonly type?: string;
}

/** What `cosign sign` signs. */
export function signingPayload({ digest, reference = '', type }: SigningWish): Buffer {
  const critical = {
    identity: { 'docker-reference': reference },
    image: { 'docker-manifest-digest': digest },
    type: type ?? 'cosign container image signature',
  };
  return Buffer.from(JSON.stringify({ critical, optional: null }));
}

/** A signature as cosign makes it; with `over`, of other bytes than the payload that lies beside it. */
export function simpleSignature(
  keys: SigningKeys,
  wish: SigningWish,
  over: Uint8Array = signingPayload(wish),
): MadeSignature {
  const bytes = signingPayload(wish);
  return {
    blob: { mediaType: SIMPLE_SIGNING, digest: digestOf(bytes), size: bytes.length, bytes },
    annotations: { 'dev.cosignproject.cosign/signature': signBytes(keys, over).toString('base64') },
  };
}

/** A bundle of an in-toto statement, as of `cosign sign` from version 3 on. */
export function statementBundle(
  keys: SigningKeys,
  digest: Digest,
  predicateType = 'https://sigstore.dev/cosign/sign/v1',
): MadeSignature {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: digestHex(digest) } }],
    predicateType,
  };
  const payload = Buffer.from(JSON.stringify(statement));
  const encoded = Buffer.concat([Buffer.from(`DSSEv1 ${IN_TOTO.length} ${IN_TOTO} ${payload.length} `), payload]);
  const signatures = [{ sig: signBytes(keys, encoded).toString('base64') }];
  return bundle({ dsseEnvelope: { payload: payload.toString('base64'), payloadType: IN_TOTO, signatures } });
}

/** A bundle of a signature of the manifest's own bytes, as of `cosign sign-blob --bundle`. */
export function messageBundle(keys: SigningKeys, manifest: BuiltContent): MadeSignature {
  const messageDigest = {
    algorithm: 'SHA2_256',
    digest: Buffer.from(digestHex(manifest.digest), 'hex').toString('base64'),
  };
  const signature = signBytes(keys, manifest.bytes).toString('base64');
  return bundle({ messageSignature: { messageDigest, signature } });
}

function bundle(content: object): MadeSignature {
  const verificationMaterial = { publicKey: { hint: '' } };
  const blob = jsonContent(BUNDLE, { mediaType: BUNDLE, verificationMaterial, ...content });
  return { blob, annotations: {} };
}

/** Puts signatures where `cosign sign` does: at the tag `sha256-<hex>.sig`. */
export async function pushSignatureTag(
  target: PushTarget,
  repository: string,
  digest: Digest,
  signatures: readonly MadeSignature[],
  options: PushOptions = {},
): Promise<void> {
  const config = jsonContent(mediaTypes.ociConfig, { architecture: '', os: '', rootfs: { type: 'layers' } });
  const manifest = await pushParts(target, repository, signatures, { config, more: {}, options });
  await pushManifest(target, repository, `sha256-${digestHex(digest)}.sig`, manifest, options);
}

/**
 * Puts each signature into a manifest that refers to the image, and these into the fallback tag for registries without
 * the referrers API. Returns the index that the API would answer.
 */
export async function pushSignatureReferrers(
  target: PushTarget,
  repository: string,
  subject: BuiltContent,
  signatures: readonly MadeSignature[],
  options: PushOptions = {},
): Promise<BuiltContent> {
  const manifests: object[] = [];
  for (const signature of signatures) {
    const isBundle = signature.blob.mediaType === BUNDLE;
    const config = jsonContent(isBundle ? EMPTY : SIGNATURE_CONFIG, {});
    const artifactType = isBundle ? BUNDLE : SIGNATURE_CONFIG;
    const more = {
      artifactType,
      subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    };
    const manifest = await pushParts(target, repository, [signature], { config, more, options });
    await pushManifest(target, repository, manifest.digest, manifest, options);
    const { mediaType, digest, size } = manifest;
    // Cosign's client names the type of the config here.
    manifests.push({ mediaType, digest, size, artifactType: isBundle ? EMPTY : SIGNATURE_CONFIG });
  }
  const index = jsonContent(mediaTypes.ociIndex, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  await pushManifest(target, repository, `sha256-${digestHex(subject.digest)}`, index, options);
  return index;
}

async function pushParts(
  target: PushTarget,
  repository: string,
  signatures: readonly MadeSignature[],
  { config, more, options }: { readonly config: BuiltContent; readonly more: object; readonly options: PushOptions },
): Promise<BuiltContent> {
  for (const blob of [config, ...signatures.map((each) => each.blob)]) {
    await pushBlob(target, repository, blob, options);
  }
  const describe = ({ mediaType, digest, size }: BuiltContent): object => ({ mediaType, digest, size });
  return jsonContent(mediaTypes.ociManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: describe(config),
    layers: signatures.map(({ blob, annotations }) => ({ ...describe(blob), annotations })),
    ...more,
  });
}
