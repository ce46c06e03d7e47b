import { organizationRoles, type RoleType, spaceReaders, spaceRoles } from './roles.ts';

/** What the token itself allows, whatever the roles. */
export interface GlobalAccess {
  /** cloud_controller.admin */
  readonly admin: boolean;
  /** cloud_controller.admin_read_only */
  readonly adminReadOnly: boolean;
  /** cloud_controller.global_auditor: sees all but secrets. */
  readonly globalAuditor: boolean;
}

interface Rule {
  /** Who may see the thing; everyone else is told that it does not exist. */
  readonly readers: readonly RoleType[];
  /** Who may do it. */
  readonly allowed: readonly RoleType[];
  readonly effect: 'read' | 'read-secret' | 'write';
}

const organizationReaders: readonly RoleType[] = [...organizationRoles, ...spaceRoles];
/** Routes and domains are an auditor's matter, too; of members without a say in spaces neither is. */
const routeReaders: readonly RoleType[] = [...spaceReaders, 'organization_auditor'];
const domainReaders: readonly RoleType[] = ['organization_manager', 'organization_auditor', ...spaceRoles];
const developer: readonly RoleType[] = ['space_developer'];
const eventReaders: readonly RoleType[] = ['space_auditor', 'space_developer', 'space_supporter'];
const operators: readonly RoleType[] = ['space_developer', 'space_supporter'];

const inOrganization = (effect: Rule['effect'], allowed: readonly RoleType[]): Rule => ({
  readers: organizationReaders,
  allowed,
  effect,
});
const inSpace = (effect: Rule['effect'], allowed: readonly RoleType[]): Rule => ({
  readers: spaceReaders,
  allowed,
  effect,
});

/** Who may do what: Cloud Foundry's permission tables (API v3, "Permitted roles" of each endpoint). */
export const accessRules = {
  'organization.read': inOrganization('read', organizationReaders),
  'organization.update': inOrganization('write', ['organization_manager']),
  /** Its private domains. */
  'domain.read': { readers: domainReaders, allowed: domainReaders, effect: 'read' },
  'domain.write': { readers: domainReaders, allowed: ['organization_manager'], effect: 'write' },
  'organization.delete': inOrganization('write', []),
  /** Who has which role in it. */
  'organization.manageUsers': inOrganization('write', ['organization_manager']),
  'space.create': inOrganization('write', ['organization_manager']),
  'space.read': inSpace('read', spaceReaders),
  'space.update': inSpace('write', ['organization_manager', 'space_manager']),
  /** Which isolation segment its apps run in. */
  'space.assignSegment': inSpace('write', ['organization_manager']),
  'space.manageUsers': inSpace('write', ['organization_manager', 'space_manager']),
  'space.delete': inSpace('write', ['organization_manager']),
  /** Apps, packages, builds, droplets, processes. */
  'app.read': inSpace('read', spaceReaders),
  'app.readLogs': inSpace('read', spaceReaders),
  /** Environment variables; not what services are bound, nor what a revision or a manifest holds. */
  'app.readVariables': inSpace('read-secret', operators),
  'app.readEnvironment': inSpace('read-secret', developer),
  'app.write': inSpace('write', developer),
  /** Start, stop, scale, stage, assign a droplet: what a supporter may do too. */
  'app.operate': inSpace('write', operators),
  /** Service instances, and the bindings of apps to them. */
  'service.read': inSpace('read', spaceReaders),
  'service.readCredentials': inSpace('read-secret', developer),
  'service.write': inSpace('write', developer),
  /** What the space's or the organization's images are pulled with: all but the password. */
  'registryCredentials.readInSpace': inSpace('read', spaceReaders),
  'registryCredentials.writeInSpace': inSpace('write', developer),
  'registryCredentials.readInOrganization': { readers: domainReaders, allowed: domainReaders, effect: 'read' },
  'registryCredentials.writeInOrganization': {
    readers: domainReaders,
    allowed: ['organization_manager'],
    effect: 'write',
  },
  'route.read': { readers: routeReaders, allowed: routeReaders, effect: 'read' },
  'route.write': { readers: routeReaders, allowed: operators, effect: 'write' },
  /** To another space. */
  'route.transfer': { readers: routeReaders, allowed: developer, effect: 'write' },
  /** The policy server: whoever develops at both ends. */
  'networkPolicy.read': { readers: developer, allowed: developer, effect: 'read' },
  'networkPolicy.write': { readers: developer, allowed: developer, effect: 'write' },
  /** What happened: managers are told nothing of it. */
  'event.readInSpace': { readers: eventReaders, allowed: eventReaders, effect: 'read' },
  'event.readInOrganization': { readers: ['organization_auditor'], allowed: ['organization_auditor'], effect: 'read' },
} as const satisfies Record<string, Rule>;

export type Action = keyof typeof accessRules;
export type Access = 'allowed' | 'forbidden' | 'hidden';

/**
 * May someone with these roles, in the organization and the space of a thing, do this with it? What one may not see is
 * not there (404), what one sees and may not change is forbidden (403).
 */
export function decideAccess(global: GlobalAccess, roles: readonly RoleType[], action: Action): Access {
  const rule: Rule = accessRules[action];
  if (global.admin) return 'allowed';
  if (global.adminReadOnly && rule.effect !== 'write') return 'allowed';
  if (global.globalAuditor && rule.effect === 'read') return 'allowed';
  if (roles.some((role) => rule.allowed.includes(role))) return 'allowed';
  const visible = global.adminReadOnly || global.globalAuditor || roles.some((role) => rule.readers.includes(role));
  return visible ? 'forbidden' : 'hidden';
}
