import { z } from 'zod';

/** What came of each probe and of each escape, by their names. */
export const isolationReportSchema = z.object({
  /** Of the engine, where it has one. */
  version: z.string().optional(),
  probes: z.record(z.string(), z.string()),
  escapes: z.record(z.string(), z.string()),
});
export type IsolationReport = z.infer<typeof isolationReportSchema>;
