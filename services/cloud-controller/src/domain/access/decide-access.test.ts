import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Access, type Action, accessRules, decideAccess } from './decide-access.ts';
import { organizationRoles, type RoleType, spaceRoles } from './roles.ts';

const nobody = { admin: false, adminReadOnly: false, globalAuditor: false };
const actions = Object.keys(accessRules) as Action[];
const roles = fc.subarray<RoleType>([...organizationRoles, ...spaceRoles]);

test.each<[RoleType[], Action, Access]>([
  [[], 'organization.read', 'hidden'],
  [[], 'app.write', 'hidden'],
  [['organization_user'], 'organization.read', 'allowed'],
  [['organization_user'], 'space.read', 'hidden'],
  [['organization_user'], 'space.create', 'forbidden'],
  [['organization_auditor'], 'app.read', 'hidden'],
  [['organization_billing_manager'], 'app.read', 'hidden'],
  [['organization_manager'], 'space.create', 'allowed'],
  [['organization_manager'], 'space.delete', 'allowed'],
  [['organization_manager'], 'organization.delete', 'forbidden'],
  [['organization_manager'], 'app.read', 'allowed'],
  [['organization_manager'], 'app.write', 'forbidden'],
  [['space_developer'], 'app.write', 'allowed'],
  [['space_developer'], 'app.readEnvironment', 'allowed'],
  [['space_developer'], 'space.delete', 'forbidden'],
  [['space_developer'], 'route.write', 'allowed'],
  [['space_supporter'], 'app.operate', 'allowed'],
  [['space_supporter'], 'app.write', 'forbidden'],
  [['space_supporter'], 'app.readEnvironment', 'forbidden'],
  [['space_manager'], 'space.update', 'allowed'],
  [['space_manager'], 'app.operate', 'forbidden'],
  [['space_auditor'], 'app.read', 'allowed'],
  [['space_auditor'], 'app.readEnvironment', 'forbidden'],
  [['space_auditor', 'space_developer'], 'app.write', 'allowed'],
])('%j: %s is %s', (held, action, access) => {
  expect(decideAccess(nobody, held, action)).toBe(access);
});

describe('whatever the roles', () => {
  const forAll = (check: (held: RoleType[], action: Action) => void): void => {
    const property = fc.property(roles, fc.constantFrom(...actions), (held, action) => {
      check(held, action);
    });
    fc.assert(property);
  };

  test('administrators may do everything', () => {
    forAll((held, action) => expect(decideAccess({ ...nobody, admin: true }, held, action)).toBe('allowed'));
  });
  test('read-only administrators see everything and change nothing by that', () => {
    forAll((held, action) => {
      const expected = accessRules[action].effect === 'write' ? decideAccess(nobody, held, action) : 'allowed';
      const access = decideAccess({ ...nobody, adminReadOnly: true }, held, action);
      expect(access).toBe(expected === 'hidden' ? 'forbidden' : expected);
    });
  });
  test('global auditors see everything but secrets', () => {
    forAll((held, action) => {
      const access = decideAccess({ ...nobody, globalAuditor: true }, held, action);
      if (accessRules[action].effect === 'read') expect(access).toBe('allowed');
      expect(access).not.toBe('hidden');
    });
  });
  test('one role more never takes something away', () => {
    const rank: Record<Access, number> = { hidden: 0, forbidden: 1, allowed: 2 };
    fc.assert(
      fc.property(roles, roles, fc.constantFrom(...actions), (some, more, action) => {
        const less = rank[decideAccess(nobody, some, action)];
        expect(rank[decideAccess(nobody, [...some, ...more], action)]).toBeGreaterThanOrEqual(less);
      }),
    );
  });
  test('who may do something may see it', () => {
    for (const rule of Object.values(accessRules)) {
      for (const role of rule.allowed) expect(rule.readers).toContain(role);
    }
  });
});
