/** Of a manifest that carries signatures, and of a list of referrers. Those of cosign have a kilobyte per signature. */
export const MAX_SIGNATURE_DOCUMENT_BYTES: number = 1024 * 1024;
/** Of what was signed: cosign's payloads have 250 bytes and grow with the annotations of `cosign sign -a`. */
export const MAX_PAYLOAD_BYTES: number = 16 * 1024;
/** Of a sigstore bundle, which may come with certificates and entries of transparency logs that are not used here. */
export const MAX_BUNDLE_BYTES: number = 256 * 1024;
/** Of a signature itself: that of an RSA key of 8192 bits has 1 KiB. */
export const MAX_SIGNATURE_BYTES: number = 1024;
/** Signatures looked at in one place; an image that is signed anew with each build of its base has a few dozen. */
export const MAX_SIGNATURES_PER_PLACE = 64;
/** Manifests read because an index of referrers names them; attestations and SBOMs are told apart before. */
export const MAX_REFERRERS_READ = 32;
/** Pages of a list of referrers. */
export const MAX_REFERRER_PAGES = 4;
/** DSSE allows several signatures of one envelope. */
export const MAX_ENVELOPE_SIGNATURES = 8;
/** Subjects of an in-toto statement. */
export const MAX_SUBJECTS = 64;
/**
 * Of each of manifest and index that go with a proof to every cell. Indexes of Docker's official images, with an
 * attestation for each of a dozen platforms, have 10 to 20 KiB.
 */
export const MAX_CARRIED_BYTES: number = 64 * 1024;
/** Of the PEM text of a key; that of RSA with 8192 bits has 1.5 KiB. */
export const MAX_KEY_TEXT = 8 * 1024;
