import { databaseEngine } from '@slipway/database';
import type { RegistryCredentialsRow } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { purposes } from '../domain/secrets/purposes.ts';
import { auditResource } from './audit.ts';
import { type Platform, sealCredentials } from './platform.ts';

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** On PostgreSQL the row is locked: a change and an answer to an earlier question do not meet. */
export function lockCredentials({ sql }: UnitOfWork, guid: string): Promise<RegistryCredentialsRow | undefined> {
  const query = sql.selectFrom('registry_credentials').selectAll().where('guid', '=', guid);
  return (databaseEngine(sql) === 'postgres' ? query.forUpdate() : query).executeTakeFirst();
}

export const nothingInUse = { username: null, password: null, cell_credentials: null, sealed_to: null };
export const nothingOffered = { offered_username: null, offered_password: null };

type OfferedColumns = Pick<RegistryCredentialsRow, 'offered_username' | 'offered_password'>;
type InUseColumns = Pick<RegistryCredentialsRow, 'username' | 'password' | 'cell_credentials' | 'sealed_to'>;

/** The columns of credentials that wait for the registry to take them. */
export function offered({ vault }: Platform, guid: string, { username, password }: Login): OfferedColumns {
  return {
    offered_username: username,
    offered_password: vault.encrypt(password, purposes.offeredRegistryPassword(guid)),
  };
}

/** The columns of credentials that come into use. */
export function inUse(
  { vault, cellPublicKey }: Platform,
  guid: string,
  { username, password }: Login,
): InUseColumns & OfferedColumns {
  const purpose = purposes.registryPassword(guid);
  const sealed = vault.encrypt(password, purpose);
  const forCells = sealCredentials(vault, { username, password: sealed }, purpose, cellPublicKey) ?? '';
  return {
    ...nothingOffered,
    username,
    password: sealed,
    cell_credentials: vault.encrypt(forCells, purposes.cellCredentials(guid)),
    sealed_to: cellPublicKey,
  };
}

/** Notes who did what; nothing secret may be in the data. */
export function auditCredentials(
  unit: UnitOfWork,
  row: RegistryCredentialsRow,
  what: string,
  data: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  return auditResource(unit, 'registry_credentials', what, row, {
    spaceGuid: row.space_guid,
    organizationGuid: row.organization_guid,
    data,
  });
}
