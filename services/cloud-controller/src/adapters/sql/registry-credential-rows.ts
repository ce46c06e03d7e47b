import type { PlacedCredentials } from '../../domain/registry-credentials/credential-scope.ts';
import type { Sql } from './schema.ts';

/** Registry credentials that are in use. Passwords are still sealed. */
export interface CredentialsInUse extends PlacedCredentials {
  readonly guid: string;
  readonly name: string;
  /** Of the space or the organization. */
  readonly placeName: string;
  readonly username: string;
  readonly password: string;
  readonly cellCredentials: string;
}

/** Those of all places, or those that a space may use: its own and its organization's. */
export async function loadCredentialsInUse(
  sql: Sql,
  place?: { readonly spaceGuid: string; readonly organizationGuid: string },
): Promise<readonly CredentialsInUse[]> {
  const rows = await sql
    .selectFrom('registry_credentials')
    .leftJoin('spaces', 'spaces.guid', 'registry_credentials.space_guid')
    .leftJoin('organizations', 'organizations.guid', 'registry_credentials.organization_guid')
    .selectAll('registry_credentials')
    .select(['spaces.name as space_name', 'organizations.name as organization_name'])
    .where('registry_credentials.password', 'is not', null)
    .$if(place !== undefined, (query) =>
      query.where((eb) =>
        eb.or([
          eb('registry_credentials.space_guid', '=', place?.spaceGuid ?? ''),
          eb('registry_credentials.organization_guid', '=', place?.organizationGuid ?? ''),
        ]),
      ),
    )
    .execute();
  return rows.flatMap((row) => {
    const { username, password, cell_credentials: cellCredentials } = row;
    if (username === null || password === null || cellCredentials === null) return [];
    return [
      {
        guid: row.guid,
        name: row.name,
        placeName: row.space_name ?? row.organization_name ?? '',
        spaceGuid: row.space_guid,
        organizationGuid: row.organization_guid,
        registry: row.registry,
        repositoryPrefix: row.repository_prefix,
        username,
        password,
        cellCredentials,
      },
    ];
  });
}
