import { parsePublicKey } from '@slipway/oci';
import { z } from 'zod';
import type { SignaturePolicyState } from '../actions/signature-policies.ts';
import { apiTime, apiTimeSchema, type Links, linkSchema } from './shapes.ts';

export const signaturePolicySchema = z
  .object({
    enabled: z.boolean().meta({ description: 'Whether images need a signature to be staged and started.' }),
    match_repository: z
      .boolean()
      .meta({ description: 'Whether a signature must name the repository that the image is pulled from.' }),
    keys: z
      .array(
        z.object({
          name: z.string(),
          public_key: z.string().meta({ description: 'PEM' }),
          type: z.enum(['ecdsa-p256', 'rsa', 'ed25519']),
          fingerprint: z.string().meta({ description: 'SHA-256 of the key in DER' }),
        }),
      )
      .meta({ description: 'An image needs a signature by one of them.' }),
    updated_at: apiTimeSchema.nullable(),
    links: z.object({ self: linkSchema, organization: linkSchema }),
  })
  .meta({ id: 'SignaturePolicy' });

export function presentSignaturePolicy(
  organizationGuid: string,
  { enabled, matchRepository, keys, updatedAt }: SignaturePolicyState,
  link: Links,
): z.infer<typeof signaturePolicySchema> {
  const organization = `/v3/organizations/${organizationGuid}`;
  return {
    enabled,
    match_repository: matchRepository,
    keys: keys.map(({ name, publicKey }) => {
      const { type, fingerprint } = parsePublicKey(name, publicKey);
      return { name, public_key: publicKey, type, fingerprint };
    }),
    updated_at: updatedAt === null ? null : apiTime(updatedAt),
    links: { self: link(`${organization}/signature_policy`), organization: link(organization) },
  };
}
