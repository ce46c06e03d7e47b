import { z } from 'zod';
import { loadSignaturePolicy, updateSignaturePolicy } from '../actions/signature-policies.ts';
import { presentSignaturePolicy, signaturePolicySchema } from '../resources/signature-policy.ts';
import type { Api, ApiContext } from './api-context.ts';
import { accessOf } from './authentication.ts';
import { guidParameters } from './bodies.ts';
import { findOrganization } from './organizations.ts';

/** Two of each for a rotation, for some teams; each is tried at each check of a signature. */
const MAX_KEYS = 16;
const MAX_NAME = 63;
const MAX_KEY_TEXT = 8192;

const keyName = z
  .string()
  .min(1)
  .max(MAX_NAME)
  .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, 'must not contain control characters');
const updateBody = z.strictObject({
  enabled: z.boolean().optional(),
  match_repository: z.boolean().optional(),
  keys: z
    .array(z.strictObject({ name: keyName, public_key: z.string().min(1).max(MAX_KEY_TEXT) }))
    .max(MAX_KEYS)
    .optional(),
});

/**
 * Which signatures images of an organization need. Slipway's own; who belongs to the organization sees it, and its
 * managers change it, as they do its default isolation segment.
 */
export function signaturePolicyRoutes(api: Api, context: ApiContext): void {
  const { db, writer, link } = context;
  const path = '/v3/organizations/:guid/signature_policy';
  const answers = { params: guidParameters, response: { 200: signaturePolicySchema } };

  api.get(path, { schema: answers }, async (request) => {
    const { guid } = await findOrganization(context, accessOf(request), request.params.guid);
    return presentSignaturePolicy(guid, await loadSignaturePolicy(db, guid), link);
  });

  api.patch(path, { schema: { ...answers, body: updateBody } }, async (request) => {
    const organization = await findOrganization(context, accessOf(request), request.params.guid, 'organization.update');
    const { enabled, match_repository: matchRepository, keys } = request.body;
    const change = {
      enabled,
      matchRepository,
      keys: keys?.map(({ name, public_key: publicKey }) => ({ name, publicKey })),
    };
    const state = await writer.write((unit) => updateSignaturePolicy(unit, organization, change));
    return presentSignaturePolicy(organization.guid, state, link);
  });
}
