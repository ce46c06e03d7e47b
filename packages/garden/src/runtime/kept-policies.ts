import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { GroupPolicies } from '../network/policy-table.ts';
import { writeFileAtomically } from '../sys/atomic-file.ts';
import { errnoCode } from '../sys/sys-error.ts';

const schema = z.object({
  policies: z.array(
    z.object({
      source: z.string(),
      destination: z.string(),
      ports: z.array(z.object({ protocol: z.enum(['tcp', 'udp']), start: z.int(), end: z.int() })),
    }),
  ),
  elsewhere: z.array(z.object({ address: z.string(), group: z.string() })),
  subnets: z.array(z.string()),
});

/** What an earlier process was told; nothing when there was none, or when it cannot be read any more. */
export function readPolicies(path: string): GroupPolicies {
  const nothing = { policies: [], elsewhere: [], subnets: [] };
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return nothing;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    // Written by another version, or by nobody: the rep tells them again.
    if (error instanceof SyntaxError || error instanceof z.ZodError) return nothing;
    throw error;
  }
}

export function writePolicies(path: string, policies: GroupPolicies): void {
  writeFileAtomically(path, JSON.stringify(policies));
}
