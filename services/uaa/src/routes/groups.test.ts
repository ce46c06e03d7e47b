import { expect, test } from 'vitest';
import { onEachEngine } from '../database.test-support.ts';
import { startUaa, type TestUaa } from '../identity.test-support.ts';

const scopesOf = async (uaa: TestUaa, name: string, password: string): Promise<string[]> =>
  (await uaa.logIn(name, password)).body.scope.split(' ');
const ADMIN = '/uaa/Groups/cloud_controller.admin';

onEachEngine(() => {
  test('an administrator makes another one, who is one from the next login on, and takes it back', async () => {
    const uaa = await startUaa();
    const token = await uaa.adminToken();
    const id = await uaa.createUser('dev', 'pw');
    const json = { value: id, type: 'USER', origin: 'uaa' };
    const added = await uaa.call('POST', `${ADMIN}/members`, { token, json });
    expect([added.status, added.body]).toEqual([201, json]);
    const again = await uaa.call('POST', `${ADMIN}/members`, { token, json });
    expect([again.status, again.body.error]).toEqual([409, 'member_already_exists']);
    expect(await scopesOf(uaa, 'dev', 'pw')).toContain('cloud_controller.admin');
    const session = (await uaa.logIn('dev', 'pw')).body;
    expect((await uaa.call('DELETE', `${ADMIN}/members/${id}`, { token })).status).toBe(200);
    expect(await scopesOf(uaa, 'dev', 'pw')).not.toContain('cloud_controller.admin');
    // Nor does a login from before give it any longer.
    expect((await uaa.refresh(session.refresh_token)).body.scope).not.toContain('cloud_controller.admin');
    expect((await uaa.call('DELETE', `${ADMIN}/members/${id}`, { token })).status).toBe(404);
  });

  test('uaac finds a group by its name and sets its members all at once', async () => {
    const uaa = await startUaa();
    const token = await uaa.adminToken();
    const id = await uaa.createUser('dev', 'pw');
    const filter = encodeURIComponent('displayName eq "scim.read"');
    const found = await uaa.call('GET', `/uaa/Groups?filter=${filter}&attributes=id,displayName`, { token });
    expect(found.body).toMatchObject({ totalResults: 1, resources: [{ id: 'scim.read', displayName: 'scim.read' }] });
    const [group] = found.body.resources;
    const members = [...group.members, { value: id, type: 'USER' }];
    const put = await uaa.call('PUT', '/uaa/Groups/scim.read', { token, json: { ...group, members } });
    expect(put.body.members.map(({ value }: { value: string }) => value)).toContain(id);
    expect((await uaa.call('GET', '/uaa/Groups/scim.read/members', { token })).body).toEqual(put.body.members);
    const emptied = await uaa.call('PUT', '/uaa/Groups/scim.read', { token, json: { ...group, members: [] } });
    expect(emptied.body.members).toEqual([]);
  });

  test('groups are made, found, and deleted; the platform keeps its own', async () => {
    const uaa = await startUaa();
    const token = await uaa.adminToken();
    const json = { displayName: 'shop.read', description: 'reads the shop' };
    expect((await uaa.call('POST', '/uaa/Groups', { token, json })).status).toBe(201);
    const again = await uaa.call('POST', '/uaa/Groups', { token, json });
    expect([again.status, again.body.error]).toEqual([409, 'scim_resource_already_exists']);
    const all = (await uaa.call('GET', '/uaa/Groups?count=500', { token })).body.resources;
    const names = all.map(({ displayName }: { displayName: string }) => displayName);
    expect(names).toEqual(
      expect.arrayContaining(['shop.read', 'uaa.admin', 'openid', 'cloud_controller.global_auditor']),
    );
    expect((await uaa.call('GET', '/uaa/Groups?startIndex=2&count=1', { token })).body.resources).toEqual([all[1]]);
    expect((await uaa.call('DELETE', '/uaa/Groups/shop.read', { token })).status).toBe(200);
    expect((await uaa.call('GET', '/uaa/Groups/shop.read', { token })).status).toBe(404);
    for (const name of ['openid', 'uaa.admin']) {
      expect((await uaa.call('DELETE', `/uaa/Groups/${name}`, { token })).status).toBe(400);
    }
    const everyone = await uaa.call('PUT', '/uaa/Groups/openid', { token, json: { members: [] } });
    expect(everyone.body.error_description).toContain('everybody is in openid');
  });

  test('nobody gives what he has not, and who may not change groups cannot', async () => {
    const uaa = await startUaa();
    const admin = await uaa.adminToken();
    const id = await uaa.createUser('dev', 'pw');
    const add = (group: string, token: string) =>
      uaa.call('POST', `/uaa/Groups/${group}/members`, { token, json: { value: id } });
    expect((await add('scim.read', (await uaa.logIn('dev', 'pw')).body.access_token)).status).toBe(403);
    await add('scim.write', admin);
    const writer = (await uaa.logIn('dev', 'pw')).body.access_token;
    const refused = await add('uaa.admin', writer);
    expect([refused.status, refused.body.error_description]).toEqual([
      403,
      'you cannot give or take what you do not have: uaa.admin',
    ]);
    expect((await add('scim.read', (await uaa.logIn('dev', 'pw')).body.access_token)).status).toBe(403);
  });

  test.each([
    ['POST', '/Groups', { displayName: 'a b' }, 400, 'invalid_scim_resource'],
    ['POST', '/Groups', { displayName: 'ab', members: [{ value: 'nobody' }] }, 400, 'invalid_scim_resource'],
    ['POST', '/Groups/uaa.admin/members', { value: 'nobody' }, 400, 'invalid_scim_resource'],
    ['POST', '/Groups/none/members', { value: 'nobody' }, 404, 'scim_resource_not_found'],
    ['GET', '/Groups?filter=displayName%20gt%20%22a%22', undefined, 400, 'scim'],
    ['GET', '/Groups?filter=color%20eq%20%22a%22', undefined, 400, 'scim'],
    ['GET', '/Groups?count=x', undefined, 400, 'invalid_request'],
  ] as const)('%s %s %j is refused', async (method, path, json, status, error) => {
    const uaa = await startUaa();
    const answer = await uaa.call(method, path, { token: await uaa.adminToken(), json });
    expect([answer.status, answer.body.error]).toEqual([status, error]);
  });
});
