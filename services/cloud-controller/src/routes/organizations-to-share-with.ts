import { unprocessable } from '../errors.ts';
import type { CallerAccess } from './access.ts';
import type { ApiContext } from './api-context.ts';

/** Throws 422 where one is not there, or not the caller's to give a domain to. */
export async function organizationsToShareWith(
  { db }: ApiContext,
  access: CallerAccess,
  guids: readonly string[],
): Promise<readonly string[]> {
  for (const guid of guids) {
    const row = await db.selectFrom('organizations').selectAll().where('guid', '=', guid).executeTakeFirst();
    const decision = row === undefined ? 'hidden' : await access.inOrganization('organization.read', guid);
    if (row === undefined || decision === 'hidden') {
      throw unprocessable(`Organization with guid '${guid}' does not exist, or you do not have access to it.`);
    }
    if (row.suspended === 1 && !access.admin) throw unprocessable(`Organization '${row.name}' is suspended.`);
    if ((await access.inOrganization('domain.write', guid)) !== 'allowed') {
      throw unprocessable(`You do not have sufficient permissions for organization '${row.name}' to share domain.`);
    }
  }
  return guids;
}
