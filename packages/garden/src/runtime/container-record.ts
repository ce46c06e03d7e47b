import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { asGardenError } from '../errors.ts';
import { imageNameSchema } from '../layers/image-name.ts';
import { egressRuleSchema } from '../network/egress-rules.ts';
import { writeFileAtomically } from '../sys/atomic-file.ts';
import { errnoCode } from '../sys/sys-error.ts';

const processIdentity = z.object({ pid: z.number().int().positive(), startTime: z.string() }).readonly();

const exit = z
  .object({
    /** As a shell has it: 128 and the signal's number when one ended it. Null when nobody was there to see it. */
    status: z.number().int().nullable(),
    /** The kernel killed a process of the container because it was at its memory limit. */
    outOfMemory: z.boolean(),
    /** ISO time. */
    at: z.string(),
  })
  .readonly();

/**
 * What a restarted rep knows of a container, in its `container.json`. The rep is the one writer. States:
 * `creating` until there is an init that waits to start the app, `created` until it is told to, `running`, `exited`,
 * and `deleting` from the moment that its deletion has begun.
 */
const recordSchema = z.object({
  v: z.literal(1),
  handle: z.string(),
  state: z.enum(['creating', 'created', 'running', 'exited', 'deleting']),
  bootId: z.string(),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  /** Number of its address and of its range of ids, from 0. */
  slot: z.number().int().nonnegative(),
  range: z
    .object({
      base: z.number().int(),
      size: z.number().int(),
      high: z
        .array(z.object({ id: z.number().int(), host: z.number().int() }).readonly())
        .readonly()
        .optional(),
    })
    .readonly(),
  network: z.object({ address: z.string(), hostDevice: z.string() }).readonly(),
  /** Whose network policies hold for it. */
  networkGroup: z.string().optional(),
  /** Absent without any rules, and in records of before there were any. */
  egress: z.array(egressRuleSchema).readonly().optional(),
  cgroup: z.string(),
  memoryBytes: z.number(),
  /** What its writable layer may have, and what holds it at that; absent without a limit, and in records of before. */
  disk: z
    .object({ kind: z.enum(['project-quota', 'file-system']), limitBytes: z.number() })
    .readonly()
    .optional(),
  /** diffIDs of its layers, base first. */
  layers: z.array(z.string()).readonly(),
  /** What they are called; absent in records of before. */
  image: imageNameSchema.optional(),
  keeper: processIdentity.nullable(),
  init: processIdentity.nullable(),
  conmon: processIdentity.nullable(),
  /** Null where one is not started yet, or had ended before it could be told apart. */
  sidecars: z
    .array(
      z
        .object({ name: z.string(), process: processIdentity.nullable(), conmon: processIdentity.nullable() })
        .readonly(),
    )
    .readonly()
    // Records of before there were any.
    .default([]),
  exit: exit.nullable(),
  /** The caller's own, kept for it and not looked at. */
  annotations: z.record(z.string(), z.unknown()).readonly(),
});

export type ContainerRecord = Readonly<z.infer<typeof recordSchema>>;
export type SidecarRecord = ContainerRecord['sidecars'][number];
export type ContainerState = ContainerRecord['state'];
export type ContainerExit = z.infer<typeof exit>;

/** The record at a path; undefined when there is none that can be read, as after the machine lost power. */
export function readRecord(path: string): ContainerRecord | undefined {
  try {
    return recordSchema.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data;
  } catch (error) {
    if (error instanceof SyntaxError || errnoCode(error) === 'ENOENT') return undefined;
    throw asGardenError(error, 'CELL_STATE_FAILED', 'open', `The record ${path} could not be read`);
  }
}

export function writeRecord(path: string, record: ContainerRecord): void {
  try {
    writeFileAtomically(path, `${JSON.stringify(record)}\n`);
  } catch (error) {
    throw asGardenError(error, 'CELL_STATE_FAILED', 'allocate', `The record ${path} could not be written`);
  }
}
