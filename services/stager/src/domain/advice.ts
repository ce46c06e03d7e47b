import type { OciErrorCode } from '@slipway/oci';

/** What whoever pushed can do about an answer of a registry that does not say so itself. */
const advice: Partial<Readonly<Record<OciErrorCode, string>>> = {
  MANIFEST_NOT_FOUND: "check the image's name and tag; some registries say the same of images that need credentials",
  BLOB_NOT_FOUND: 'push the image to the registry again: it has lost a part of it',
  REGISTRY_FORBIDDEN: 'check that the account whose credentials are used, if any, may pull this image',
  REGISTRY_UNREACHABLE: 'check the name of the registry, and that it is up and can be reached from here',
  REGISTRY_UNAVAILABLE: 'the fault is with the registry: try again later',
  REGISTRY_PROTOCOL: 'check that the image names a registry, and not a web site',
  DOCUMENT_MALFORMED: 'check that the image names a registry, and not a web site, or push the image again',
  REGISTRY_TLS_FAILED: 'an operator can name its authority in the registries settings',
};

/** The message with what to do about it. */
export function advise(code: OciErrorCode, message: string): string {
  const what = advice[code];
  return what === undefined ? message : `${message} (${what})`;
}
