import { z } from 'zod';
import { guidSchema, portSchema, timeSchema } from './common.ts';

/**
 * What instances of one app may reach at those of another, or at the other instances of the same app. Writer:
 * cloud-controller, rebuilt from SQL. KV `network-policies`, key `policy.<source app guid>.<destination app guid>`.
 */
export const networkPolicySchema = z.object({
  v: z.literal(1),
  kind: z.literal('policy'),
  /** Guids of apps. */
  source: guidSchema,
  destination: guidSchema,
  /** Ranges of ports, both ends included. */
  ports: z.array(z.object({ protocol: z.enum(['tcp', 'udp']), start: portSchema, end: portSchema })).min(1),
});
export type NetworkPolicy = z.infer<typeof networkPolicySchema>;

/**
 * A domain whose names only cells answer, and never ask anybody else for. Writer: cloud-controller, rebuilt from SQL.
 * Key `internal-domain.<name>`.
 */
export const internalDomainSchema = z.object({
  v: z.literal(1),
  kind: z.literal('internal-domain'),
  /** Without a dot at the end, in lower case. */
  name: z.string().min(1),
});
export type InternalDomain = z.infer<typeof internalDomainSchema>;

/**
 * Says that the bucket held every policy and every internal domain when this was written, so that cells may take rights
 * away that are not there. Writer: cloud-controller. Key `domain.cf-network`: in the same bucket, so that it is ordered
 * after them.
 */
export const networkFreshnessSchema = z.object({
  v: z.literal(1),
  kind: z.literal('freshness'),
  domain: z.literal('cf-network'),
  refreshedAt: timeSchema,
  /** Fresh for so long after it was received. */
  ttlMs: z.int().positive(),
  recordCount: z.int().nonnegative(),
});
export type NetworkFreshness = z.infer<typeof networkFreshnessSchema>;

export const networkRecordSchema = z.discriminatedUnion('kind', [
  networkPolicySchema,
  internalDomainSchema,
  networkFreshnessSchema,
]);
export type NetworkRecord = z.infer<typeof networkRecordSchema>;
