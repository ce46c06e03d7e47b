import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { type Client, errorOf } from '../../testing/client.ts';
import { createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

const to = (...guids: string[]) => ({ data: guids.map((guid) => ({ guid })) });

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const own = async (organizationGuid: string): Promise<{ guid: string; name: string }> => {
    const name = `d-${randomUUID().slice(0, 8)}.test`;
    const relationships = { organization: { data: { guid: organizationGuid } } };
    return (await suite.api.admin.post('/v3/domains', { name, relationships })).body;
  };
  const share = (client: Client, domain: string, ...organizations: string[]) =>
    client.post(`/v3/domains/${domain}/relationships/shared_organizations`, to(...organizations));
  const unshare = (client: Client, domain: string, organization: string) =>
    client.delete(`/v3/domains/${domain}/relationships/shared_organizations/${organization}`);
  const routeOn = (client: Client, domain: string, space: string, host: string) =>
    client.post('/v3/routes', {
      host,
      relationships: { space: { data: { guid: space } }, domain: { data: { guid: domain } } },
    });
  const holding = async (...roles: { type: string; organization: string }[]): Promise<Client> => {
    const userGuid = randomUUID();
    const now = new Date().toISOString();
    for (const { type, organization } of roles) {
      const row = { guid: randomUUID(), created_at: now, updated_at: now, type, user_guid: userGuid };
      await suite.api.db
        .insertInto('roles')
        .values({ ...row, organization_guid: organization, space_guid: null })
        .execute();
    }
    const scopes = ['cloud_controller.read', 'cloud_controller.write'];
    return suite.api.as(await suite.issuer.token({ userGuid, scopes }));
  };

  test('a private domain is used by the organizations that it is shared with, until it is taken back', async () => {
    const { admin } = suite.api;
    const [one, two] = [await createSpace(admin), await createSpace(admin)];
    const domain = await own(one.organizationGuid);
    const { body: organization } = await admin.get(`/v3/organizations/${two.organizationGuid}`);
    expect(errorOf(await routeOn(admin, domain.guid, two.spaceGuid, 'x')).detail).toBe(
      `Invalid domain. Domain '${domain.name}' is not available in organization '${organization.name}'.`,
    );
    const guest = await holding({ type: 'organization_manager', organization: two.organizationGuid });
    expect((await guest.get(`/v3/domains/${domain.guid}`)).status).toBe(404);

    const shared = await share(admin, domain.guid, two.organizationGuid);
    expect([shared.status, shared.body]).toEqual([200, to(two.organizationGuid)]);
    expect((await share(admin, domain.guid, two.organizationGuid)).status).toBe(200);
    expect((await guest.get(`/v3/domains/${domain.guid}`)).body.relationships.shared_organizations).toEqual(
      to(two.organizationGuid),
    );
    const mine = await guest.get(`/v3/organizations/${two.organizationGuid}/domains?names=${domain.name}`);
    expect(mine.body.resources).toHaveLength(1);
    const route = await routeOn(admin, domain.guid, two.spaceGuid, 'x');
    expect(route.body.url).toBe(`x.${domain.name}`);
    expect(errorOf(await admin.delete(`/v3/domains/${domain.guid}`)).detail).toBe(
      'This domain is shared with other organizations. Unshare before deleting.',
    );
    expect(errorOf(await unshare(admin, domain.guid, two.organizationGuid)).detail).toBe(
      'This domain has associated routes in this organization. Delete the routes before unsharing.',
    );
    await admin.delete(`/v3/routes/${route.body.guid}`);
    // Whoever has it may give it up.
    expect((await unshare(guest, domain.guid, two.organizationGuid)).status).toBe(204);
    expect((await guest.get(`/v3/domains/${domain.guid}`)).status).toBe(404);
    expect(errorOf(await unshare(admin, domain.guid, two.organizationGuid)).detail).toBe(
      `Unable to unshare domain from organization with name '${organization.name}'. Ensure the domain is shared to this organization.`,
    );
    const events = await admin.get(`/v3/audit_events?target_guids=${domain.guid}`);
    expect(events.body.resources.map(({ type }: { type: string }) => type)).toEqual([
      'audit.domain.create',
      'audit.domain.share',
      'audit.domain.unshare',
    ]);
  });

  test('sharing is for who manages both organizations', async () => {
    const { admin } = suite.api;
    const [one, two] = [await createSpace(admin), await createSpace(admin)];
    const domain = await own(one.organizationGuid);
    const owner = { type: 'organization_manager', organization: one.organizationGuid };
    const member = { type: 'organization_user', organization: two.organizationGuid };
    const manager = { type: 'organization_manager', organization: two.organizationGuid };
    const { body } = await admin.get(`/v3/organizations/${two.organizationGuid}`);
    const detail = async (client: Client): Promise<string> =>
      errorOf(await share(client, domain.guid, two.organizationGuid)).detail;
    expect(await detail(await holding(owner))).toContain('does not exist, or you do not have access to it');
    expect(await detail(await holding(owner, member))).toBe(
      `You do not have sufficient permissions for organization '${body.name}' to share domain.`,
    );
    expect((await share(await holding(owner, manager), domain.guid, two.organizationGuid)).status).toBe(200);
    // Members without a say do not see private domains.
    expect((await unshare(await holding(member), domain.guid, two.organizationGuid)).status).toBe(404);
    const auditor = { type: 'organization_auditor', organization: two.organizationGuid };
    expect((await unshare(await holding(auditor), domain.guid, two.organizationGuid)).status).toBe(403);
    expect(errorOf(await share(admin, domain.guid, one.organizationGuid)).detail).toBe(
      'Domain cannot be shared with owning organization.',
    );
  });

  test('is shared as it is made, and goes with the organization that owns it', async () => {
    const { admin } = suite.api;
    const [one, two] = [await createSpace(admin), await createSpace(admin)];
    const relationships = {
      organization: { data: { guid: one.organizationGuid } },
      shared_organizations: to(two.organizationGuid),
    };
    const name = `d-${randomUUID().slice(0, 8)}.test`;
    const { body: domain } = await admin.post('/v3/domains', { name, relationships });
    expect(domain.relationships.shared_organizations).toEqual(to(two.organizationGuid));
    const { body: route } = await routeOn(admin, domain.guid, two.spaceGuid, 'x');
    expect((await admin.delete(`/v3/organizations/${one.organizationGuid}`)).status).toBe(202);
    expect((await admin.get(`/v3/routes/${route.guid}`)).status).toBe(404);
    expect((await admin.get(`/v3/domains/${domain.guid}`)).status).toBe(404);
    expect((await admin.delete(`/v3/organizations/${two.organizationGuid}`)).status).toBe(202);
  });
});
