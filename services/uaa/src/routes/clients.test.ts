import { expect, test } from 'vitest';
import { onEachEngine } from '../database.test-support.ts';
import { startUaa } from '../identity.test-support.ts';

const robot = {
  client_id: 'robot',
  client_secret: 'beep',
  authorized_grant_types: ['client_credentials'],
  authorities: ['scim.read'],
};

onEachEngine(() => {
  test('a client is made, read and deleted, and its secret never comes back', async () => {
    const uaa = await startUaa();
    const token = await uaa.adminToken();
    const created = await uaa.call('POST', '/uaa/oauth/clients', { token, json: robot });
    expect([created.status, created.body]).toEqual([
      201,
      {
        client_id: 'robot',
        scope: [],
        authorities: ['scim.read'],
        authorized_grant_types: ['client_credentials'],
        resource_ids: ['none'],
        autoapprove: [],
        lastModified: uaa.clock.now,
      },
    ]);
    expect((await uaa.call('GET', '/uaa/oauth/clients/robot', { token })).body).toEqual(created.body);
    expect((await uaa.call('POST', '/uaa/oauth/clients', { token, json: robot })).status).toBe(409);
    expect((await uaa.call('DELETE', '/uaa/oauth/clients/robot', { token })).status).toBe(200);
    const gone = await uaa.call('GET', '/uaa/oauth/clients/robot', { token });
    expect([gone.status, gone.body.error]).toEqual([404, 'not_found']);
    expect((await uaa.call('DELETE', '/uaa/oauth/clients/robot', { token })).status).toBe(404);
  });

  test('clients are listed, changed, and get new secrets', async () => {
    const uaa = await startUaa();
    const token = await uaa.adminToken();
    await uaa.call('POST', '/oauth/clients', { token, json: robot });
    const listed = (await uaa.call('GET', '/uaa/oauth/clients', { token })).body;
    expect(listed.totalResults).toBe(3);
    expect(listed.resources.map((client: { client_id: string }) => client.client_id)).toEqual([
      'cf',
      'cloud_controller',
      'robot',
    ]);
    const json = { authorized_grant_types: ['client_credentials'], authorities: ['scim.write'] };
    const changed = await uaa.call('PUT', '/uaa/oauth/clients/robot', { token, json });
    expect([changed.status, changed.body.authorities]).toEqual([200, ['scim.write']]);
    const logIn = (secret: string) =>
      uaa.call('POST', '/oauth/token', {
        form: { grant_type: 'client_credentials', client_id: 'robot', client_secret: secret },
      });
    const own = (await logIn('beep')).body.access_token;
    const secret = '/uaa/oauth/clients/robot/secret';
    const set = (as: string, body: object) => uaa.call('PUT', secret, { token: as, json: body });
    expect((await set(own, { secret: 'boop' })).status).toBe(401);
    expect((await set(own, { secret: 'boop', oldSecret: 'beep' })).status).toBe(200);
    expect((await logIn('beep')).status).toBe(401);
    expect((await set(token, { secret: 'third' })).body).toEqual({ status: 'ok', message: 'secret updated' });
    expect((await logIn('third')).status).toBe(200);
    for (const name of ['cf', 'cloud_controller']) {
      for (const method of ['PUT', 'DELETE'] as const) {
        const refused = await uaa.call(method, `/uaa/oauth/clients/${name}`, { token, json });
        expect([refused.status, refused.body.error]).toEqual([400, 'invalid_client']);
      }
    }
    expect((await uaa.call('PUT', '/uaa/oauth/clients/none', { token, json })).status).toBe(404);
  });

  test.each([
    [{ ...robot, client_secret: '' }, 'client_secret is required'],
    [{ ...robot, authorized_grant_types: ['implicit'] }, 'authorized_grant_types'],
    [{ ...robot, client_id: 'a:b' }, 'client_id'],
    [{ ...robot, authorities: ['a b'] }, 'authorities'],
    [undefined, ''],
  ])('%j is refused', async (json, words) => {
    const uaa = await startUaa();
    const { status, body } = await uaa.call('POST', '/oauth/clients', { token: await uaa.adminToken(), json });
    expect([status, body.error]).toEqual([400, 'invalid_client']);
    expect(body.error_description).toContain(words);
  });

  test('who may make clients cannot make one that may do more', async () => {
    const uaa = await startUaa();
    const maker = { ...robot, client_id: 'maker', authorities: ['clients.write', 'scim.read'] };
    await uaa.call('POST', '/oauth/clients', { token: await uaa.adminToken(), json: maker });
    const form = { grant_type: 'client_credentials', client_id: 'maker', client_secret: 'beep' };
    const token = (await uaa.call('POST', '/oauth/token', { form })).body.access_token;
    expect((await uaa.call('POST', '/oauth/clients', { token, json: robot })).status).toBe(201);
    const mighty = { ...robot, client_id: 'mighty', authorities: ['scim.read', 'uaa.admin'] };
    const refused = await uaa.call('POST', '/oauth/clients', { token, json: mighty });
    expect([refused.status, refused.body.error_description]).toEqual([
      403,
      'you cannot give what you do not have: uaa.admin',
    ]);
  });
});
