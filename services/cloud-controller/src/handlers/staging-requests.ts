import { type Bus, publishMessage } from '@slipway/bus';
import { stagingRequest } from '@slipway/contracts';
import { type Platform, sealCredentials } from '../actions/platform.ts';
import type { Db } from '../adapters/sql/schema.ts';
import { purposes } from '../domain/secrets/purposes.ts';

export interface StagingRequestsOptions {
  readonly db: Db;
  readonly bus: Bus;
  readonly platform: Pick<Platform, 'vault'>;
  readonly stagerPublicKey: string;
}

/**
 * Publishes the request of a build that still waits. The build's guid is the message's id: JetStream drops a second
 * publish, and what gets through twice is staged twice and taken once.
 */
export async function publishStagingRequest(options: StagingRequestsOptions, buildGuid: string): Promise<void> {
  const { db, bus, platform, stagerPublicKey } = options;
  const build = await db
    .selectFrom('builds')
    .innerJoin('packages', 'packages.guid', 'builds.package_guid')
    .select([
      'builds.guid',
      'builds.app_guid',
      'builds.deadline',
      'packages.guid as package_guid',
      'packages.image',
      'packages.username',
      'packages.password',
    ])
    .where('builds.guid', '=', buildGuid)
    .where('builds.state', '=', 'STAGING')
    .executeTakeFirst();
  if (build === undefined) return;
  const purpose = purposes.packagePassword(build.package_guid);
  const credentials = sealCredentials(platform.vault, build, purpose, stagerPublicKey);
  await publishMessage(
    bus,
    stagingRequest,
    {
      buildGuid: build.guid,
      appGuid: build.app_guid,
      packageGuid: build.package_guid,
      image: build.image,
      ...(credentials === undefined ? {} : { credentials }),
      deadline: build.deadline,
    },
    { id: build.guid },
  );
}
