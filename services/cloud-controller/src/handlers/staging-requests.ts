import { type Bus, publishMessage } from '@slipway/bus';
import { stagingRequest } from '@slipway/contracts';
import { OciError, parseReference } from '@slipway/oci';
import { type Platform, sealCredentials } from '../actions/platform.ts';
import { credentialsForStager, PullCredentials } from '../actions/pull-credentials.ts';
import { policyInForce } from '../actions/signature-policies.ts';
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
    .innerJoin('apps', 'apps.guid', 'builds.app_guid')
    .select([
      'builds.guid',
      'builds.app_guid',
      'builds.deadline',
      'packages.guid as package_guid',
      'packages.image',
      'packages.username',
      'packages.password',
      'apps.space_guid',
      'apps.organization_guid',
    ])
    .where('builds.guid', '=', buildGuid)
    .where('builds.state', '=', 'STAGING')
    .executeTakeFirst();
  if (build === undefined) return;
  const purpose = purposes.packagePassword(build.package_guid);
  const own = sealCredentials(platform.vault, build, purpose, stagerPublicKey);
  const signaturePolicy = await policyInForce(db, build.organization_guid);
  await publishMessage(
    bus,
    stagingRequest,
    {
      buildGuid: build.guid,
      appGuid: build.app_guid,
      packageGuid: build.package_guid,
      organizationGuid: build.organization_guid,
      image: build.image,
      ...(own === undefined ? await sharedCredentials(options, build) : { credentials: own }),
      ...(signaturePolicy === undefined ? {} : { signaturePolicy }),
      deadline: build.deadline,
    },
    { id: build.guid },
  );
}

/** Of the space or the organization, where there are some for this image. */
async function sharedCredentials(
  { db, platform, stagerPublicKey }: StagingRequestsOptions,
  build: { readonly image: string; readonly space_guid: string; readonly organization_guid: string },
): Promise<{ readonly credentials?: string; readonly credentialsOf?: string }> {
  const place = { spaceGuid: build.space_guid, organizationGuid: build.organization_guid };
  const image = referenceOf(build.image);
  const found = image === undefined ? undefined : (await PullCredentials.load(db, place)).find(place, image);
  return found === undefined ? {} : credentialsForStager(platform, found, stagerPublicKey);
}

/** Undefined for what is no reference: the stager tells the user where it goes wrong. */
function referenceOf(image: string): { readonly registry: string; readonly repository: string } | undefined {
  try {
    return parseReference(image);
  } catch (error) {
    if (error instanceof OciError) return undefined;
    throw error;
  }
}
