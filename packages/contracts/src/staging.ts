import { z } from 'zod';
import { guidSchema, sealedSchema, timeSchema } from './common.ts';
import { executionMetadataSchema, resolvedImageSchema } from './image.ts';
import type { MessageDefinition } from './message.ts';
import { signaturePolicySchema } from './signature.ts';

/** A build to stage. Writer: cloud-controller. Reader: any stager, one of them (work queue). */
export const stagingRequestSchema = z.object({
  buildGuid: guidSchema,
  appGuid: guidSchema,
  packageGuid: guidSchema,
  /** Whose turn it is: stagers give each organization its share. */
  organizationGuid: guidSchema.optional(),
  /** The reference exactly as the user typed it. */
  image: z.string().min(1),
  /** `{"username","password"}` sealed to the stager key. */
  credentials: sealedSchema.optional(),
  /** Whose they are, in words for the staging log: `the registry credentials "ci" of space "dev"`. */
  credentialsOf: z.string().optional(),
  /** What the image must have; absent: no signature. */
  signaturePolicy: signaturePolicySchema.optional(),
  /** After this the result no longer matters (CF `staging_timeout_in_seconds`, 900 s). */
  deadline: timeSchema,
});
export type StagingRequest = z.infer<typeof stagingRequestSchema>;

/** Which step of staging failed; shown to the user as it is. */
export const stagingPhaseSchema = z.enum([
  'credentials',
  'reference',
  'authentication',
  'resolve',
  'manifest',
  'platform',
  'config',
  'policy',
  'copy',
  'deadline',
  'internal',
]);

/** What came of a build. Writer: stager. Reader: cloud-controller. */
export const stagingResultSchema = z.discriminatedUnion('outcome', [
  z.object({
    outcome: z.literal('staged'),
    buildGuid: guidSchema,
    image: resolvedImageSchema,
    execution: executionMetadataSchema,
    durationMs: z.number().nonnegative(),
  }),
  z.object({
    outcome: z.literal('failed'),
    buildGuid: guidSchema,
    error: z.object({ phase: stagingPhaseSchema, code: z.string(), message: z.string() }),
    durationMs: z.number().nonnegative(),
  }),
]);
export type StagingResult = z.infer<typeof stagingResultSchema>;

export const stagingRequest: MessageDefinition<StagingRequest> = {
  type: 'staging.request',
  v: 1,
  subject: 'staging.request',
  subjectFor: () => 'staging.request',
  stream: 'STAGING',
  data: stagingRequestSchema,
};

export const stagingResult: MessageDefinition<StagingResult> = {
  type: 'staging.result',
  v: 1,
  subject: 'staging.result',
  subjectFor: () => 'staging.result',
  stream: 'STAGING_RESULTS',
  data: stagingResultSchema,
};
