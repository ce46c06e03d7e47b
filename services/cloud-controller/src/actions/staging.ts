import type { StagingResult } from '@slipway/contracts';
import { databaseEngine, isUniqueViolation } from '@slipway/database';
import { type Actor, runAs } from '../adapters/sql/actor.ts';
import { saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { BuildRow, PackageRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import { type BuildError, stagingExpired, stagingFailure } from '../domain/staging/staging-failure.ts';
import { ApiError } from '../errors.ts';
import { auditApp, auditAppOf } from './audit.ts';
import type { Platform } from './platform.ts';
import { pruneBuilds, pruneDroplets, prunePackages } from './prune.ts';
import { requireFeature } from './require-feature.ts';
import { lockApp } from './rows.ts';

export interface NewPackage {
  readonly appGuid: string;
  readonly image: string;
  readonly username: string | null;
  readonly password: string | null;
  readonly metadata: MetadataUpdate | undefined;
}

/** A docker package is ready at once: there is nothing to upload. */
export async function createPackage(unit: UnitOfWork, platform: Platform, spec: NewPackage): Promise<PackageRow> {
  const { sql, now } = unit;
  const app = await lockApp(unit, spec.appGuid);
  const guid = platform.newGuid();
  const password =
    spec.password === null ? null : platform.vault.encrypt(spec.password, purposes.packagePassword(guid));
  const row = await sql
    .insertInto('packages')
    .values({
      guid,
      created_at: now,
      updated_at: now,
      app_guid: spec.appGuid,
      type: 'docker',
      state: 'READY',
      image: spec.image,
      username: spec.username,
      password,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await saveMetadata(sql, 'package', guid, spec.metadata);
  const data = { image: spec.image, ...(spec.username === null ? {} : { username: spec.username }) };
  await auditApp(unit, app, 'package.create', { package_guid: guid, request: { type: 'docker', data } });
  await prunePackages(unit, spec.appGuid);
  unit.log(app.guid, `Adding app package for app with guid ${app.guid}`);
  return row;
}

export interface BuildCaller {
  readonly admin: boolean;
  readonly userGuid: string;
  readonly userName: string | null;
  readonly email: string | null;
}

export interface NewBuild {
  readonly memoryMb: number | undefined;
  readonly diskMb: number | undefined;
  readonly logRateBytesPerSecond: number | undefined;
  readonly metadata: MetadataUpdate | undefined;
}

/** Throws 403 while images are switched off, 422 while another build of the app is staging. */
export async function createBuild(
  unit: UnitOfWork,
  platform: Platform,
  caller: BuildCaller,
  pack: PackageRow,
  spec: NewBuild,
): Promise<BuildRow> {
  const { sql, now } = unit;
  const app = await lockApp(unit, pack.app_guid);
  await requireFeature(sql, 'diego_docker', caller);
  await requireRoomForBuild(unit, platform, app.organization_guid);
  const guid = platform.newGuid();
  const { limits } = platform;
  const row = await sql
    .insertInto('builds')
    .values({
      guid,
      created_at: now,
      updated_at: now,
      app_guid: pack.app_guid,
      package_guid: pack.guid,
      state: 'STAGING',
      error_id: null,
      error_description: null,
      droplet_guid: null,
      staging_memory_mb: spec.memoryMb ?? limits.defaultMemoryMb,
      staging_disk_mb: spec.diskMb ?? limits.defaultDiskMb,
      staging_log_rate_bytes_per_second: spec.logRateBytesPerSecond ?? limits.defaultLogRateBytesPerSecond,
      deadline: new Date(Date.parse(now) + limits.stagingTimeoutS * 1_000).toISOString(),
      created_by_guid: caller.userGuid,
      created_by_name: caller.userName,
      created_by_email: caller.email,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      throw isUniqueViolation(error) ? new ApiError('StagingInProgress') : error;
    });
  await saveMetadata(sql, 'build', guid, spec.metadata);
  await auditApp(unit, app, 'build.create', { build_guid: guid, package_guid: pack.guid });
  await pruneBuilds(unit, app.guid);
  await unit.announce('staging-request', guid);
  unit.log(pack.app_guid, `Creating build for app with guid ${pack.app_guid}`);
  return row;
}

/** One organization's builds are not to fill the queue that all share. */
async function requireRoomForBuild({ sql }: UnitOfWork, { limits }: Platform, organizationGuid: string): Promise<void> {
  const { buildsPerOrganization: most } = limits;
  const { count } = await sql
    .selectFrom('builds')
    .innerJoin('apps', 'apps.guid', 'builds.app_guid')
    .select((eb) => eb.fn.countAll<number | string>().as('count'))
    .where('builds.state', '=', 'STAGING')
    .where('apps.organization_guid', '=', organizationGuid)
    .executeTakeFirstOrThrow();
  if (Number(count) < most) return;
  const detail = `The organization has ${most} builds that are being staged, as many as may be at a time; try again when some of them are done.`;
  throw new ApiError('UnprocessableEntity', detail);
}

/**
 * Takes a stager's answer. Answers for builds that are gone or have an end already are ignored: results may come twice,
 * and after the deadline. Says whether it was taken.
 */
export async function finishBuild(unit: UnitOfWork, platform: Platform, result: StagingResult): Promise<boolean> {
  const { sql, now } = unit;
  const build = await lockStagingBuild(unit, result.buildGuid);
  if (build === undefined) return false;
  if (result.outcome === 'failed') {
    await failBuild(unit, build, stagingFailure(result.error));
    return true;
  }
  const guid = platform.newGuid();
  const { env, ...execution } = result.execution;
  const pack = await sql.selectFrom('packages').selectAll().where('guid', '=', build.package_guid).executeTakeFirst();
  // The droplet keeps a copy: it can be started as long as it is there, whatever becomes of the package.
  const password =
    pack?.password == null
      ? null
      : platform.vault.encrypt(
          platform.vault.decrypt(pack.password, purposes.packagePassword(pack.guid)),
          purposes.dropletPassword(guid),
        );
  await sql
    .insertInto('droplets')
    .values({
      guid,
      created_at: now,
      updated_at: now,
      app_guid: build.app_guid,
      package_guid: build.package_guid,
      build_guid: build.guid,
      state: 'STAGED',
      image: JSON.stringify(result.image),
      execution: JSON.stringify(execution),
      image_environment: platform.vault.encrypt(JSON.stringify(env), purposes.imageEnvironment(guid)),
      username: pack?.username ?? null,
      password,
    })
    .execute();
  await sql
    .updateTable('builds')
    .set({ state: 'STAGED', droplet_guid: guid, updated_at: now })
    .where('guid', '=', build.guid)
    .execute();
  await runAs(builderOf(build), async () => {
    const data = { build_guid: build.guid, package_guid: build.package_guid, droplet_guid: guid };
    await auditAppOf(unit, build.app_guid, 'build.staged', data);
    await auditAppOf(unit, build.app_guid, 'droplet.create', { droplet_guid: guid, package_guid: build.package_guid });
  });
  unit.log(build.app_guid, `Creating droplet for app with guid ${build.app_guid}`);
  unit.log(build.app_guid, `Staging complete for build ${build.guid}`);
  await pruneDroplets(unit, build.app_guid);
  return true;
}

/** Fails the builds that no stager answered in time. Returns how many. */
export async function failExpiredBuilds(unit: UnitOfWork, platform: Platform, before: string): Promise<number> {
  const expired = await unit.sql
    .selectFrom('builds')
    .select('guid')
    .where('state', '=', 'STAGING')
    .where('deadline', '<', before)
    .execute();
  for (const { guid } of expired) {
    const build = await lockStagingBuild(unit, guid);
    if (build !== undefined) await failBuild(unit, build, stagingExpired(platform.limits.stagingTimeoutS));
  }
  return expired.length;
}

/** Asks again for every build that has no answer: the bus may have lost the request or the result. */
export async function requestStagingAgain(unit: UnitOfWork): Promise<void> {
  const builds = await unit.sql.selectFrom('builds').select('guid').where('state', '=', 'STAGING').execute();
  for (const { guid } of builds) await unit.announce('staging-request', guid);
}

async function lockStagingBuild({ sql }: UnitOfWork, guid: string): Promise<BuildRow | undefined> {
  const query = sql.selectFrom('builds').selectAll().where('guid', '=', guid).where('state', '=', 'STAGING');
  return (databaseEngine(sql) === 'postgres' ? query.forUpdate() : query).executeTakeFirst();
}

async function failBuild(unit: UnitOfWork, build: BuildRow, error: BuildError): Promise<void> {
  await unit.sql
    .updateTable('builds')
    .set({
      state: 'FAILED',
      error_id: error.errorId,
      error_description: error.description,
      updated_at: unit.now,
    })
    .where('guid', '=', build.guid)
    .execute();
  const data = {
    build_guid: build.guid,
    package_guid: build.package_guid,
    error_id: error.errorId,
    error_message: error.description,
  };
  await runAs(builderOf(build), () => auditAppOf(unit, build.app_guid, 'build.failed', data));
  unit.log(build.app_guid, `Failed to stage build: ${error.description}`, 'ERR');
}

/** What comes of a build is the doing of whoever asked for it. */
function builderOf(build: BuildRow): Actor {
  const { created_by_guid: guid, created_by_name: name } = build;
  return { guid, type: 'user', name: name ?? guid };
}
