import { z } from 'zod';
import { guidSchema, sealedSchema, timeSchema } from './common.ts';
import type { MessageDefinition } from './message.ts';

/** Does a registry take this user name and password? Writer: cloud-controller. Reader: any stager, one of them (work queue). */
export const registryCheckRequestSchema = z.object({
  /** New for each question, so that an old answer is told from a new one. */
  checkGuid: guidSchema,
  /** Whose turn it is: stagers give each organization its share. */
  organizationGuid: guidSchema.optional(),
  /** `host[:port]`, as in references. */
  registry: z.string().min(1),
  /** A repository that they shall let read, too. */
  repository: z.string().min(1).optional(),
  /** `{"username","password"}` sealed to the stager key. */
  credentials: sealedSchema,
  /** After this the answer no longer matters. */
  deadline: timeSchema,
});
export type RegistryCheckRequest = z.infer<typeof registryCheckRequestSchema>;

/**
 * What came of it. Writer: stager. Reader: cloud-controller. `refused`: the registry says no to these credentials.
 * `unanswered`: it could not be found out, say because the registry is down.
 */
export const registryCheckResultSchema = z.object({
  checkGuid: guidSchema,
  outcome: z.enum(['accepted', 'refused', 'unanswered']),
  /** A code of packages/oci or of the stager; absent when accepted. */
  code: z.string().optional(),
  /** In words: who was asked for what, and what it answered. Holds no secret. */
  detail: z.string(),
  durationMs: z.number().nonnegative(),
});
export type RegistryCheckResult = z.infer<typeof registryCheckResultSchema>;

export const registryCheckRequest: MessageDefinition<RegistryCheckRequest> & { readonly stream: string } = {
  type: 'registry.check.request',
  v: 1,
  subject: 'registry.check.request',
  subjectFor: () => 'registry.check.request',
  stream: 'REGISTRY_CHECKS',
  data: registryCheckRequestSchema,
};

export const registryCheckResult: MessageDefinition<RegistryCheckResult> & { readonly stream: string } = {
  type: 'registry.check.result',
  v: 1,
  subject: 'registry.check.result',
  subjectFor: () => 'registry.check.result',
  stream: 'REGISTRY_CHECK_RESULTS',
  data: registryCheckResultSchema,
};
