import { type Bus, publishMessage, startWorkQueue, type WorkQueue } from '@slipway/bus';
import { registryCheckRequest, registryCheckResult } from '@slipway/contracts';
import type { Logger } from '@slipway/service-kit';
import { type Platform, sealCredentials } from '../actions/platform.ts';
import { failExpiredChecks, finishCheck } from '../actions/registry-checks.ts';
import type { Db } from '../adapters/sql/schema.ts';
import type { Writer } from '../adapters/sql/writer.ts';
import { repositoryToCheck } from '../domain/registry-credentials/credential-scope.ts';
import { purposes } from '../domain/secrets/purposes.ts';

/** Handled side by side; each is one short transaction. */
const CONCURRENCY = 4;
/** An answer that left the stager just in time may take so long to get here. */
const GRACE_MS = 5_000;

export interface RegistryChecksOptions {
  readonly db: Db;
  readonly bus: Bus;
  readonly platform: Pick<Platform, 'vault'>;
  readonly stagerPublicKey: string;
}

/**
 * Publishes the open question about registry credentials, if there is one: about those that wait, else about those in
 * use. Its guid is the message's id: JetStream drops a second publish, and the second of two answers is ignored.
 */
export async function publishRegistryCheck(options: RegistryChecksOptions, guid: string): Promise<void> {
  const { db, bus, platform, stagerPublicKey } = options;
  const row = await db
    .selectFrom('registry_credentials')
    .leftJoin('spaces', 'spaces.guid', 'registry_credentials.space_guid')
    .selectAll('registry_credentials')
    .select('spaces.organization_guid as organization_of_space')
    .where('registry_credentials.guid', '=', guid)
    .executeTakeFirst();
  if (row === undefined || row.check_guid === null || row.check_deadline === null) return;
  const offered = { username: row.offered_username, password: row.offered_password };
  const credentials =
    sealCredentials(platform.vault, offered, purposes.offeredRegistryPassword(guid), stagerPublicKey) ??
    sealCredentials(platform.vault, row, purposes.registryPassword(guid), stagerPublicKey);
  if (credentials === undefined) return;
  const organizationGuid = row.organization_guid ?? row.organization_of_space;
  const repository = repositoryToCheck({ registry: row.registry, repositoryPrefix: row.repository_prefix });
  await publishMessage(
    bus,
    registryCheckRequest,
    {
      checkGuid: row.check_guid,
      ...(organizationGuid === null ? {} : { organizationGuid }),
      registry: row.registry,
      ...(repository === undefined ? {} : { repository }),
      credentials,
      deadline: row.check_deadline,
    },
    { id: row.check_guid },
  );
}

/** Takes the stagers' answers off their queue. */
export function startRegistryCheckResults(options: {
  readonly bus: Bus;
  readonly writer: Writer;
  readonly platform: Platform;
  readonly logger: Logger;
}): Promise<WorkQueue> {
  const { bus, writer, platform, logger } = options;
  return startWorkQueue(bus, {
    definition: registryCheckResult,
    durable: 'cloud-controller',
    concurrency: CONCURRENCY,
    handle: async ({ data }) => {
      const taken = await writer.write((unit) => finishCheck(unit, platform, data));
      const { checkGuid, outcome, code, durationMs } = data;
      logger.info({ checkGuid, outcome, code, durationMs }, taken ? 'registry-check.done' : 'registry-check.late');
    },
  });
}

/** Ends questions that no stager answered. */
export function failLateChecks(writer: Writer, platform: Platform, now: () => Date): Promise<number> {
  const before = new Date(now().getTime() - GRACE_MS).toISOString();
  return writer.write((unit) => failExpiredChecks(unit, platform, before));
}
