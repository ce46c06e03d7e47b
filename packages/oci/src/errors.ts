import { CodedError, type ErrorKind } from '@slipway/service-kit';
import { printable } from './printable.ts';

/** Every error of this package: its kind, and what it means for the one who reads it. */
export const ociErrors = {
  REFERENCE_INVALID: { kind: 'invalid', means: 'The image reference does not follow the grammar.' },
  DIGEST_INVALID: { kind: 'invalid', means: 'A digest is not `sha256:` and 64 lower-case hex digits.' },
  DIGEST_MISMATCH: { kind: 'invalid', means: 'The bytes received are not the bytes that were asked for.' },
  SIZE_MISMATCH: { kind: 'invalid', means: 'More or fewer bytes came than the descriptor states.' },
  RANGE_MISMATCH: {
    kind: 'unavailable',
    means: 'A registry answers with other bytes than the part that was asked for.',
  },
  DOCUMENT_TOO_LARGE: { kind: 'exhausted', means: 'A manifest, config, token or answer is above its size limit.' },
  DOCUMENT_MALFORMED: { kind: 'invalid', means: 'A manifest, index or config is not what its specification says.' },
  DOCUMENT_AMBIGUOUS: { kind: 'invalid', means: 'A document reads as an index and as a manifest at once.' },
  MEDIA_TYPE_MISMATCH: { kind: 'invalid', means: 'Header, body and descriptor do not name one media type.' },
  MEDIA_TYPE_UNSUPPORTED: { kind: 'invalid', means: 'A manifest or layer has a media type that Slipway does not run.' },
  SCHEMA1_UNSUPPORTED: { kind: 'invalid', means: 'The image is in the retired Docker schema 1 format: push it again.' },
  NOT_AN_IMAGE: { kind: 'invalid', means: 'The reference names an artifact that is not a container image.' },
  IMAGE_TOO_LARGE: {
    kind: 'invalid',
    means: 'The image or one of its layers is above the limit that the operator set.',
  },
  TOO_MANY_LAYERS: {
    kind: 'exhausted',
    means: 'The image has more layers than can be joined, or than the operator allows.',
  },
  LAYER_COUNT_MISMATCH: { kind: 'invalid', means: 'Manifest and config disagree on the number of layers.' },
  PLATFORM_UNAVAILABLE: { kind: 'not-found', means: 'The image has no variant for the platform of the cells.' },
  EXPOSED_PORT_INVALID: {
    kind: 'invalid',
    means: 'An EXPOSE entry is not a port, or a range of them, with a protocol.',
  },
  MANIFEST_NOT_FOUND: { kind: 'not-found', means: 'The registry has no such repository, tag or digest.' },
  BLOB_NOT_FOUND: { kind: 'not-found', means: 'The registry lacks a blob that the manifest names.' },
  REGISTRY_UNAUTHORIZED: { kind: 'unauthenticated', means: 'The registry wants credentials, or refuses those given.' },
  REGISTRY_FORBIDDEN: { kind: 'forbidden', means: 'The registry knows the user and denies the access.' },
  TOKEN_REALM_REFUSED: { kind: 'forbidden', means: 'The registry names a token server that must not be trusted.' },
  TOKEN_INVALID: { kind: 'unavailable', means: 'The token server gave no usable token.' },
  REDIRECT_REFUSED: { kind: 'forbidden', means: 'The registry redirects to where Slipway does not follow.' },
  ADDRESS_REFUSED: { kind: 'forbidden', means: 'A host name leads to an address that must not be asked.' },
  RATE_LIMITED: { kind: 'exhausted', means: 'The registry allows no more requests for now.' },
  REGISTRY_UNREACHABLE: { kind: 'unavailable', means: 'No connection to the registry, or it broke.' },
  REGISTRY_TLS_FAILED: { kind: 'unavailable', means: "The registry's certificate or TLS is not acceptable." },
  REGISTRY_TIMEOUT: { kind: 'timeout', means: 'The registry did not answer in time, or sends too slowly.' },
  REGISTRY_UNAVAILABLE: { kind: 'unavailable', means: 'The registry answers with server errors.' },
  SIGNATURE_KEY_INVALID: {
    kind: 'invalid',
    means: 'A public key for signatures is not one that cosign verifies with.',
  },
  SIGNATURE_MISSING: { kind: 'forbidden', means: 'The image has no signature, and its organization asks for one.' },
  SIGNATURE_NOT_ACCEPTED: {
    kind: 'forbidden',
    means: 'The image has signatures, and none is of it by a key that its organization trusts.',
  },
  SIGNATURE_LOOKUP_FAILED: {
    kind: 'unavailable',
    means: 'Not every place for signatures of the image could be read, and the others have none that counts.',
  },
  SIGNATURE_UNPROVEN: {
    kind: 'forbidden',
    means:
      'The droplet was staged without a signature that its organization asks for now. Sign the image, stage again.',
  },
  REGISTRY_PROTOCOL: { kind: 'unavailable', means: 'The registry answers with something that is not its protocol.' },
  REGISTRY_SETTINGS_INVALID: {
    kind: 'invalid',
    means: 'The registries settings file cannot be used; the message names file, line and setting of each problem.',
  },
  CREDENTIAL_HELPER_FAILED: {
    kind: 'unavailable',
    means: 'A docker-credential-… program of the registries settings gave no credentials; the message has its words.',
  },
} as const satisfies Record<string, { readonly kind: ErrorKind; readonly means: string }>;

export type OciErrorCode = keyof typeof ociErrors;

export interface OciErrorOptions {
  readonly cause?: unknown;
  /** Figures and names behind the message; never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Room for a reference and what is said of it. Longer ones can only come from a hostile document. */
const MAX_MESSAGE = 2_048;

/**
 * A fault of an image or of a reference to one. `RegistryError` adds who was asked for what. Its message may quote
 * strangers, and people and logs read it: it is one bounded line without control characters.
 */
export class OciError extends CodedError {
  declare readonly code: OciErrorCode;

  constructor(code: OciErrorCode, message: string, options: OciErrorOptions = {}) {
    super(code, ociErrors[code].kind, printable(message, MAX_MESSAGE), options);
  }
}

/** A reference that does not parse: where it stops making sense, and what could have stood there. */
export class ReferenceSyntaxError extends OciError {
  /** The text as given. */
  readonly input: string;
  /** Index of the offending character in `input`, in UTF-16 units; `input.length` when something is missing. */
  readonly offset: number;
  readonly expected: string;

  constructor(input: string, offset: number, expected: string) {
    const found =
      offset < input.length ? JSON.stringify(String.fromCodePoint(input.codePointAt(offset) ?? 0)) : 'the end';
    super(
      'REFERENCE_INVALID',
      `invalid image reference ${quote(input)}: expected ${expected} at character ${offset + 1}, found ${found}`,
      { details: { offset, expected } },
    );
    this.input = input;
    this.offset = offset;
    this.expected = expected;
  }
}

/** Long enough for any valid reference; a pasted file must not fill the log. */
const QUOTED_INPUT = 512;

function quote(input: string): string {
  return JSON.stringify(input.length > QUOTED_INPUT ? `${input.slice(0, QUOTED_INPUT)}...` : input);
}
