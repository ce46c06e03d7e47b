import type { Expression, SqlBool } from 'kysely';
import {
  inKnownOrganizationWithRole,
  inKnownSpaceWithRole,
  inOrganizationWithRole,
  inSpaceWithRole,
  ofAppsWhere,
  rolesInOrganization,
  rolesInSpace,
  suspendedOrganization,
  suspendedSpace,
} from '../adapters/sql/grants.ts';
import type { Db } from '../adapters/sql/schema.ts';
import type { Caller } from '../adapters/uaa/token-verifier.ts';
import {
  type Access,
  type Action,
  accessRules,
  decideAccess,
  type GlobalAccess,
} from '../domain/access/decide-access.ts';
import { ApiError, notFound } from '../errors.ts';

/** What the caller of one request may do. Every endpoint asks here and nowhere else. */
export class CallerAccess {
  readonly caller: Caller;
  readonly global: GlobalAccess;
  readonly #db: Db;

  constructor(db: Db, caller: Caller) {
    this.#db = db;
    this.caller = caller;
    this.global = {
      admin: caller.scopes.has('cloud_controller.admin'),
      adminReadOnly: caller.scopes.has('cloud_controller.admin_read_only'),
      globalAuditor: caller.scopes.has('cloud_controller.global_auditor'),
    };
  }

  get admin(): boolean {
    return this.global.admin;
  }

  /** Throws 403 when the token is not meant for such requests at all. */
  requireScope(effect: 'read' | 'write'): void {
    const { scopes } = this.caller;
    const seesAll = this.global.adminReadOnly || this.global.globalAuditor;
    const allowed = this.admin || scopes.has(`cloud_controller.${effect}`) || (effect === 'read' && seesAll);
    if (!allowed) throw new ApiError('NotAuthorized');
  }

  /** Throws OrgSuspended for what the caller may do, but for that. */
  async inSpace(action: Action, spaceGuid: string): Promise<Access> {
    const roles = this.admin ? [] : await rolesInSpace(this.#db, this.caller.userGuid, spaceGuid);
    const access = decideAccess(this.global, roles, action);
    if (this.#isHeldUp(access, action)) requireActive(await suspendedSpace(this.#db, spaceGuid));
    return access;
  }

  /** Throws OrgSuspended for what the caller may do, but for that. */
  async inOrganization(action: Action, organizationGuid: string): Promise<Access> {
    const roles = this.admin ? [] : await rolesInOrganization(this.#db, this.caller.userGuid, organizationGuid);
    const access = decideAccess(this.global, roles, action);
    if (this.#isHeldUp(access, action)) requireActive(await suspendedOrganization(this.#db, organizationGuid));
    return access;
  }

  /** Throws 404 `<resource> not found` for what the caller may not see, 403 for what it may not do. */
  async requireInSpace(action: Action, spaceGuid: string, resource: string): Promise<void> {
    require(await this.inSpace(action, spaceGuid), resource);
  }

  async requireInOrganization(action: Action, organizationGuid: string, resource: string): Promise<void> {
    require(await this.inOrganization(action, organizationGuid), resource);
  }

  /** Throws 403 to everyone but administrators. */
  requireAdmin(): void {
    if (!this.admin) throw new ApiError('NotAuthorized');
  }

  /** For lists: true for rows in spaces where the caller may see what `action` reads; undefined when it sees all. */
  visibleSpaces(column: string, action: Action = 'space.read'): Expression<SqlBool> | undefined {
    return this.seesAll
      ? undefined
      : inSpaceWithRole(this.#db, this.caller.userGuid, column, accessRules[action].readers);
  }

  /** The same for tables that grow long. */
  async visibleSpacesOfMany(column: string, action: Action = 'space.read'): Promise<Expression<SqlBool> | undefined> {
    return this.seesAll
      ? undefined
      : inKnownSpaceWithRole(this.#db, this.caller.userGuid, column, accessRules[action].readers);
  }

  /** The same of rows that belong to an app; `column` holds its guid. */
  async visibleApps(column: string): Promise<Expression<SqlBool> | undefined> {
    const visible = await this.visibleSpacesOfMany('apps.space_guid');
    return visible === undefined ? undefined : ofAppsWhere(this.#db, column, visible);
  }

  /** The same of organizations. */
  visibleOrganizations(column: string, action: Action = 'organization.read'): Expression<SqlBool> | undefined {
    return this.seesAll
      ? undefined
      : inOrganizationWithRole(this.#db, this.caller.userGuid, column, accessRules[action].readers);
  }

  /** The same for tables that grow long. */
  async visibleOrganizationsOfMany(column: string, action: Action): Promise<Expression<SqlBool> | undefined> {
    return this.seesAll
      ? undefined
      : inKnownOrganizationWithRole(this.#db, this.caller.userGuid, column, accessRules[action].readers);
  }

  /** By a suspension, where there is one. */
  #isHeldUp(access: Access, action: Action): boolean {
    return !this.admin && access === 'allowed' && accessRules[action].effect === 'write';
  }

  /** All organizations and spaces. */
  get seesAll(): boolean {
    return this.admin || this.global.adminReadOnly || this.global.globalAuditor;
  }
}

/** For the few places where Cloud Foundry does not tell what is forbidden from what is not there: throws `otherwise`. */
export async function hideForbidden<T>(found: Promise<T>, otherwise: ApiError): Promise<T> {
  return found.catch((error: unknown) => {
    const hidden = error instanceof ApiError && (error.status === 404 || error.body.title === 'CF-NotAuthorized');
    throw hidden ? otherwise : error;
  });
}

function requireActive(suspended: boolean): void {
  if (suspended) throw new ApiError('OrgSuspended');
}

function require(access: Access, resource: string): void {
  if (access === 'hidden') throw notFound(resource);
  if (access === 'forbidden') throw new ApiError('NotAuthorized');
}
