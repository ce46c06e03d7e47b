/** Cloud Foundry's roles (API v3, "Roles"). */
export const organizationRoles = [
  'organization_user',
  'organization_auditor',
  'organization_manager',
  'organization_billing_manager',
] as const;
export const spaceRoles = ['space_auditor', 'space_developer', 'space_manager', 'space_supporter'] as const;

export type RoleType = (typeof organizationRoles)[number] | (typeof spaceRoles)[number];

export function isSpaceRole(type: RoleType): type is (typeof spaceRoles)[number] {
  return (spaceRoles as readonly RoleType[]).includes(type);
}

/** Who may see what lies in a space: its own roles and the organization's managers. */
export const spaceReaders: readonly RoleType[] = ['organization_manager', ...spaceRoles];
