import type { ImageSignatures, SignaturePolicy } from '@slipway/contracts';
import { findSignatures, type InspectedImage, type Reference, type RepositoryClient } from '@slipway/oci';

export interface SignatureWish {
  /** Undefined: the organization asks for no signature, and none is looked for. */
  readonly policy: SignaturePolicy | undefined;
  readonly reference: Pick<Reference, 'registry' | 'repository'>;
  readonly image: InspectedImage;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** What satisfies the organization's policy, for the cells to check again. @throws OciError when nothing does */
export async function requireSignatures(
  repository: RepositoryClient,
  { policy, reference, image, signal, log }: SignatureWish,
): Promise<ImageSignatures | undefined> {
  if (policy === undefined) return undefined;
  const { registry, repository: name } = reference;
  const found = await findSignatures(repository, { image, registry, repository: name, policy, signal, onStep: log });
  const proofs = found.proofs.map(({ payload, ...proof }) => ({
    ...proof,
    ...(payload === undefined ? {} : { payload }),
  }));
  return { manifest: found.manifest, ...(found.index === undefined ? {} : { index: found.index }), proofs };
}
