import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

const scopes = ['cloud_controller.read', 'cloud_controller.write'];

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const path = (name: string): string => `/v3/environment_variable_groups/${name}`;

  describe('environment variable groups', () => {
    test('are merged, and null takes away', async () => {
      const before = await suite.api.admin.get(path('staging'));
      expect(before.body).toMatchObject({ name: 'staging', updated_at: null, var: {} });
      await suite.api.admin.patch(path('staging'), { var: { A: '1', B: 'x' } });
      const after = await suite.api.admin.patch(path('staging'), { var: { A: null, C: true } });
      expect(after.body.var).toEqual({ B: 'x', C: 'true' });
      expect((await suite.api.admin.get(path('staging'))).body.var).toEqual({ B: 'x', C: 'true' });
      expect((await suite.api.admin.get(path('running'))).body.var).toEqual({});
      expect(errorOf(await suite.api.admin.get(path('other'))).status).toBe(404);
      const refused = await suite.api.admin.patch(path('running'), { var: { VCAP_X: '1' } });
      expect(errorOf(refused)).toMatchObject({
        status: 422,
        detail: "Environment variables cannot start with 'VCAP_'",
      });
      const user = suite.api.as(await suite.issuer.token({ userGuid: 'user', scopes }));
      expect((await user.get(path('running'))).status).toBe(200);
      expect((await user.patch(path('running'), { var: {} })).status).toBe(403);
    });

    test('lie encrypted in the database', async () => {
      await suite.api.admin.patch(path('staging'), { var: { SECRET: 'hunter2' } });
      const rows = await suite.api.db.selectFrom('environment_variable_groups').selectAll().execute();
      expect(JSON.stringify(rows)).not.toContain('hunter2');
    });

    test('of changes at once none is lost', async () => {
      const names = ['P', 'Q', 'R', 'S'];
      await Promise.all(names.map((name) => suite.api.admin.patch(path('staging'), { var: { [name]: name } })));
      expect((await suite.api.admin.get(path('staging'))).body.var).toMatchObject({ P: 'P', Q: 'Q', R: 'R', S: 'S' });
    });

    test('the running one reaches apps at their next start, below what the user sets', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid, 'grouped', {
        environment_variables: { OWN: 'mine' },
      });
      await suite.assign(app, await suite.stage(app));
      await suite.api.admin.patch(path('running'), { var: { OWN: 'group', PROXY: 'http://proxy' } });
      await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
      const environment = (await suite.lrpsOf(app))[0]?.runInfo.action.environment;
      expect(environment).toMatchObject({ OWN: 'mine', PROXY: 'http://proxy' });
      const { body } = await suite.api.admin.get(`/v3/apps/${app}/env`);
      expect(body.running_env_json).toEqual({ OWN: 'group', PROXY: 'http://proxy' });
      expect(body.environment_variables).toEqual({ OWN: 'mine' });
      await suite.api.admin.patch(path('running'), { var: { OWN: null, PROXY: null } });
      // Not before the next start.
      expect((await suite.lrpsOf(app))[0]?.runInfo.action.environment).toMatchObject({ PROXY: 'http://proxy' });
    });

    test('developers do not read variables while that is switched off', async () => {
      const app = await createApp(suite.api.admin, suite.spaceGuid);
      const guid = suite.issuer.addUser('curious');
      const user = { data: { username: 'curious' } };
      const organization = { data: { guid: suite.organizationGuid } };
      await suite.api.admin.post('/v3/roles', { type: 'organization_user', relationships: { user, organization } });
      const space = { data: { guid: suite.spaceGuid } };
      await suite.api.admin.post('/v3/roles', { type: 'space_developer', relationships: { user, space } });
      const developer = suite.api.as(await suite.issuer.token({ userGuid: guid, scopes }));
      expect((await developer.get(`/v3/apps/${app}/env`)).status).toBe(200);
      for (const flag of ['env_var_visibility', 'space_developer_env_var_visibility']) {
        await suite.api.admin.patch(`/v3/feature_flags/${flag}`, { enabled: false });
        try {
          expect(errorOf(await developer.get(`/v3/apps/${app}/env`)).detail).toBe(`Feature Disabled: ${flag}`);
          expect((await suite.api.admin.get(`/v3/apps/${app}/env`)).status).toBe(200);
        } finally {
          await suite.api.admin.patch(`/v3/feature_flags/${flag}`, { enabled: true });
        }
      }
    });
  });
});
