import { isUniqueViolation } from '@slipway/database';
import { deleteMetadata, saveMetadata } from '../adapters/sql/metadata-entries.ts';
import type { JobRow, RegistryCredentialsRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import type { MetadataUpdate } from '../domain/metadata.ts';
import type { CredentialScope } from '../domain/registry-credentials/credential-scope.ts';
import { notFound, unprocessable } from '../errors.ts';
import type { Platform } from './platform.ts';
import { abandonCheck, beginCheck } from './registry-checks.ts';
import {
  auditCredentials,
  inUse,
  type Login,
  lockCredentials,
  nothingInUse,
  offered,
} from './registry-credential-columns.ts';

/** Of one space or organization. Each is compared with every image that is staged or started there. */
const MAX_OF_A_PLACE = 100;
/** In an event, in place of what must not be there. */
const HIDDEN = '[PRIVATE DATA HIDDEN]';

export type CredentialsPlace = { readonly spaceGuid: string } | { readonly organizationGuid: string };

export interface NewRegistryCredentials {
  readonly name: string;
  readonly place: CredentialsPlace;
  readonly scope: CredentialScope;
  readonly login: Login;
  /** Into use at once, whatever the registry will say. */
  readonly force: boolean;
  readonly metadata: MetadataUpdate | undefined;
}

interface Started {
  readonly row: RegistryCredentialsRow;
  /** That ends when the registry has been asked. */
  readonly job: JobRow;
}

/** Throws 422 when there are such credentials already, or too many. */
export async function createRegistryCredentials(
  unit: UnitOfWork,
  platform: Platform,
  spec: NewRegistryCredentials,
): Promise<Started> {
  const { sql, now } = unit;
  const place = {
    space_guid: 'spaceGuid' in spec.place ? spec.place.spaceGuid : null,
    organization_guid: 'organizationGuid' in spec.place ? spec.place.organizationGuid : null,
  };
  const { registry, repositoryPrefix: prefix } = spec.scope;
  await requireRoom(unit, { ...place, name: spec.name, registry, repository_prefix: prefix });
  const guid = platform.newGuid();
  const row = await sql
    .insertInto('registry_credentials')
    .values({
      guid,
      created_at: now,
      updated_at: now,
      name: spec.name,
      ...place,
      registry,
      repository_prefix: prefix,
      ...nothingInUse,
      ...(spec.force ? inUse(platform, guid, spec.login) : offered(platform, guid, spec.login)),
      verification_state: 'pending',
      verification_at: null,
      verification_code: null,
      verification_detail: null,
      check_guid: null,
      check_deadline: null,
      check_job_guid: null,
      check_actor: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch(nameOrScopeTaken);
  await saveMetadata(sql, 'registry_credentials', guid, spec.metadata);
  const { username } = spec.login;
  const request = { name: spec.name, registry, repository_prefix: prefix, username, password: HIDDEN };
  await auditCredentials(unit, row, 'create', { request, force: spec.force });
  if (spec.force) await unit.announce('sync', '');
  return beginCheck(unit, platform, row, 'registry_credentials.create');
}

export interface RegistryCredentialsChange {
  readonly name: string | undefined;
  readonly login: { readonly username: string | undefined; readonly password: string } | undefined;
  readonly force: boolean;
  readonly metadata: MetadataUpdate | undefined;
}

/** A new password waits for the registry to take it, unless forced. The job is absent when there is nothing to ask. */
export async function updateRegistryCredentials(
  unit: UnitOfWork,
  platform: Platform,
  guid: string,
  { name, login, force, metadata }: RegistryCredentialsChange,
): Promise<{ readonly row: RegistryCredentialsRow; readonly job: JobRow | undefined }> {
  const { sql, now } = unit;
  const before = await lockCredentials(unit, guid);
  if (before === undefined) throw notFound('Registry credentials');
  if (name !== undefined && name !== before.name) await requireRoom(unit, { ...before, name });
  await saveMetadata(sql, 'registry_credentials', guid, metadata);
  const username = login?.username ?? before.username ?? before.offered_username ?? '';
  const next = login === undefined ? undefined : { username, password: login.password };
  const row = await sql
    .updateTable('registry_credentials')
    .set({
      updated_at: now,
      ...(name === undefined ? {} : { name }),
      ...(next === undefined ? {} : force ? inUse(platform, guid, next) : offered(platform, guid, next)),
    })
    .where('guid', '=', guid)
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch(nameOrScopeTaken);
  const request = {
    ...(name === undefined ? {} : { name }),
    ...(login?.username === undefined ? {} : { username }),
    ...(login === undefined ? {} : { password: HIDDEN, force }),
    ...(metadata === undefined ? {} : { metadata }),
  };
  await auditCredentials(unit, row, 'update', { request });
  if (login === undefined) return { row, job: undefined };
  if (force) await unit.announce('sync', '');
  return beginCheck(unit, platform, row, 'registry_credentials.update');
}

/** Asks the registry again: about new credentials that wait, else about those in use. Throws 404. */
export async function verifyRegistryCredentials(unit: UnitOfWork, platform: Platform, guid: string): Promise<Started> {
  const row = await lockCredentials(unit, guid);
  if (row === undefined) throw notFound('Registry credentials');
  await auditCredentials(unit, row, 'verify');
  return beginCheck(unit, platform, row, 'registry_credentials.verify');
}

/** What runs goes on; the next pull is without them. */
export async function deleteRegistryCredentials(unit: UnitOfWork, guid: string): Promise<void> {
  const { sql } = unit;
  const row = await sql.deleteFrom('registry_credentials').where('guid', '=', guid).returningAll().executeTakeFirst();
  if (row === undefined) return;
  await deleteMetadata(sql, [guid]);
  await abandonCheck(unit, row, 'the credentials were deleted');
  await auditCredentials(unit, row, 'delete');
  if (row.password !== null) await unit.announce('sync', '');
}

/** Of a space or an organization that is deleted. */
export async function deleteRegistryCredentialsOf(unit: UnitOfWork, place: CredentialsPlace): Promise<void> {
  const query = unit.sql.selectFrom('registry_credentials').select('guid');
  const rows = await ('spaceGuid' in place
    ? query.where('space_guid', '=', place.spaceGuid)
    : query.where('organization_guid', '=', place.organizationGuid)
  ).execute();
  for (const { guid } of rows) await deleteRegistryCredentials(unit, guid);
}

/** Throws 422. */
async function requireRoom(
  { sql }: UnitOfWork,
  wanted: Pick<
    RegistryCredentialsRow,
    'space_guid' | 'organization_guid' | 'name' | 'registry' | 'repository_prefix'
  > & {
    readonly guid?: string;
  },
): Promise<void> {
  const all = sql.selectFrom('registry_credentials').select(['guid', 'name', 'registry', 'repository_prefix']);
  const rows = await (wanted.space_guid === null
    ? all.where('organization_guid', '=', wanted.organization_guid)
    : all.where('space_guid', '=', wanted.space_guid)
  ).execute();
  const others = rows.filter(({ guid }) => guid !== wanted.guid);
  const kind = wanted.space_guid === null ? 'organization' : 'space';
  if (others.some(({ name }) => name === wanted.name)) {
    throw unprocessable(`The name of registry credentials must be unique in its ${kind}: ${wanted.name} is taken`);
  }
  const same = others.find(
    (row) => row.registry === wanted.registry && row.repository_prefix === wanted.repository_prefix,
  );
  if (same !== undefined) {
    const scope = `${wanted.registry}/${wanted.repository_prefix}`;
    throw unprocessable(`This ${kind} has credentials for ${scope} already: ${same.name}. Change those`);
  }
  if (others.length >= MAX_OF_A_PLACE) {
    throw unprocessable(`A ${kind} has at most ${MAX_OF_A_PLACE} registry credentials`);
  }
}

/** Somebody else was faster. */
function nameOrScopeTaken(error: unknown): never {
  throw isUniqueViolation(error)
    ? unprocessable('There are registry credentials of this name, or for this registry and prefix, already')
    : error;
}
