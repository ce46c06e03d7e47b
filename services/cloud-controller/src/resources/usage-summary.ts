import { z } from 'zod';

export const usageSummarySchema = z.object({
  started_instances: z.int(),
  memory_in_mb: z.int(),
  routes: z.int(),
  service_instances: z.int(),
  reserved_ports: z.int(),
  domains: z.int(),
  per_app_tasks: z.int(),
  service_keys: z.int(),
});

export type UsageSummary = z.infer<typeof usageSummarySchema>;
