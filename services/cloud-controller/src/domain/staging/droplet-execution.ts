import { executionMetadataSchema } from '@slipway/contracts';
import type { z } from 'zod';

/** What an image's config says but for its environment, which is a secret of its own. */
export const dropletExecutionSchema = executionMetadataSchema.omit({ env: true });
export type DropletExecution = z.infer<typeof dropletExecutionSchema>;
