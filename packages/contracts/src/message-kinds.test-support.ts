import type { z } from 'zod';
import { cellPresenceSchema, leaseSchema } from './cell.ts';
import { cellDiskSchema } from './cell-disk.ts';
import { registryCredentialsSchema } from './credentials.ts';
import { deadLetter } from './dead-letter.ts';
import { desiredLrpSchema, domainFreshnessSchema } from './desired-lrp.ts';
import { instanceMetrics, instanceSchema } from './instance.ts';
import { logEnvelope } from './log-envelope.ts';
import { type MessageDefinition, parseMessage } from './message.ts';
import { internalDomainSchema, networkFreshnessSchema, networkPolicySchema } from './network-policy.ts';
import { placementSchema, unplacedSchema } from './placement.ts';
import { registryCheckRequest, registryCheckResult } from './registry-check.ts';
import { routerRegisterSchema, routerStartSchema } from './router-messages.ts';
import { sessionExitSchema, sessionRefusalSchema, sessionRequestSchema } from './session-link.ts';
import { stagingRequest, stagingResult } from './staging.ts';
import {
  desiredTaskSchema,
  taskFailedSchema,
  taskPlacedSchema,
  taskRefusedSchema,
  taskStateSchema,
  tasksFreshnessSchema,
} from './task.ts';
import { imagesFreshnessSchema, wantedImageSchema } from './wanted-image.ts';

/** A kind of message or record, in the version that is written now. Samples are `<type>.v<version>[-<case>].json`. */
export interface Kind {
  readonly version: number;
  /** Of what is inside the envelope, or of the whole when there is none. */
  readonly schema: z.ZodType;
  readonly parse: (value: unknown) => unknown;
  readonly enveloped: boolean;
}

function record(schema: z.ZodType): Kind {
  return { version: 1, schema, parse: (value) => schema.parse(value), enveloped: false };
}

// biome-ignore lint/suspicious/noExplicitAny: a definition of any data.
function message(definition: MessageDefinition<any>): Kind {
  const { v: version, data: schema } = definition;
  return { version, schema, parse: (value) => parseMessage(definition, value), enveloped: true };
}

export const kinds: Readonly<Record<string, Kind>> = {
  'cell-disk': record(cellDiskSchema),
  'cell-presence': record(cellPresenceSchema),
  'dead-letter': message(deadLetter),
  'desired-lrp': record(desiredLrpSchema),
  'domain-freshness': record(domainFreshnessSchema),
  'images-freshness': record(imagesFreshnessSchema),
  instance: record(instanceSchema),
  'instance.metrics': message(instanceMetrics),
  'internal-domain': record(internalDomainSchema),
  lease: record(leaseSchema),
  'log.envelope': message(logEnvelope),
  'network-freshness': record(networkFreshnessSchema),
  'network-policy': record(networkPolicySchema),
  placement: record(placementSchema),
  'registry-credentials': record(registryCredentialsSchema),
  'registry.check.request': message(registryCheckRequest),
  'registry.check.result': message(registryCheckResult),
  'router.register': record(routerRegisterSchema),
  'router.start': record(routerStartSchema),
  'session-exit': record(sessionExitSchema),
  'session-refusal': record(sessionRefusalSchema),
  'session-request': record(sessionRequestSchema),
  'staging.request': message(stagingRequest),
  'staging.result': message(stagingResult),
  'desired-task': record(desiredTaskSchema),
  'task-failed': record(taskFailedSchema),
  'task-placed': record(taskPlacedSchema),
  'task-refused': record(taskRefusedSchema),
  'task-state': record(taskStateSchema),
  'tasks-freshness': record(tasksFreshnessSchema),
  unplaced: record(unplacedSchema),
  'wanted-image': record(wantedImageSchema),
};
