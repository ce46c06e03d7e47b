import type { DeploymentRow, Sql } from '../adapters/sql/schema.ts';
import type { UnitOfWork } from '../adapters/sql/writer.ts';
import { ApiError, type ErrorName } from '../errors.ts';

/** An app's deployment that has no end yet. */
export function activeDeployment(sql: Sql, appGuid: string): Promise<DeploymentRow | undefined> {
  return sql
    .selectFrom('deployments')
    .selectAll()
    .where('app_guid', '=', appGuid)
    .where('status_value', '=', 'ACTIVE')
    .executeTakeFirst();
}

/** Throws the error when a deployment is under way. */
export async function requireNoDeployment(unit: UnitOfWork, appGuid: string, error: ErrorName): Promise<void> {
  if ((await activeDeployment(unit.sql, appGuid)) !== undefined) throw new ApiError(error);
}
