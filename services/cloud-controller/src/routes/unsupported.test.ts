import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('what is not there, on $engine', ({ create }) => {
  const suite = useApi(create);

  test.each([
    '/v3/buildpacks',
    '/v3/stacks?names=cflinuxfs4&page=1&per_page=1',
    '/v3/service_brokers',
    '/v3/service_offerings?fields[service_broker]=guid,name',
    '/v3/service_plans?available=true&include=service_offering&space_guids=x&per_page=5000',
  ])('GET %s lists nothing', async (path) => {
    const { status, body } = await suite.api.admin.get(path.replace('{space}', suite.spaceGuid));
    expect([status, body.resources]).toEqual([200, []]);
  });

  test.each([
    ['POST', '/v3/buildpacks', 'cf push APP --docker-image'],
    ['POST', '/v3/buildpacks/x/upload', 'cf push APP --docker-image'],
    ['POST', '/v3/stacks', 'an image brings its own file system'],
    ['POST', '/v3/service_brokers', 'cf create-user-provided-service'],
    ['PATCH', '/v3/service_plans/x/visibility', 'cf create-user-provided-service'],
    ['POST', '/v3/packages/x/upload', 'Bits cannot be uploaded'],
    ['POST', '/v3/resource_matches', 'Bits cannot be uploaded'],
    ['POST', '/v3/droplets', 'Droplets cannot be uploaded'],
    ['GET', '/v3/droplets/x/download', 'pull the image from its registry'],
    ['GET', '/v3/packages/x/download', 'pull the image from its registry'],
    ['POST', '/v3/route_policies', 'There are no route policies'],
    ['GET', '/v2/apps', 'version 8 or later of the cf CLI'],
  ])('%s %s says so', async (method, path, text) => {
    const answer = await suite.api.admin.send(method, path, method === 'GET' ? undefined : '--boundary, and no JSON');
    expect(errorOf(answer)).toMatchObject({ status: 422, code: 10008, title: 'CF-UnprocessableEntity' });
    expect(errorOf(answer).detail).toContain(text);
  });

  test('one of them is not found, by name', async () => {
    expect(errorOf(await suite.api.admin.get('/v3/buildpacks/x'))).toMatchObject({
      status: 404,
      code: 10010,
      detail: 'Buildpack not found',
    });
  });

  test('nobody is told without a token', async () => {
    expect((await suite.api.as('').post('/v3/buildpacks', {})).status).toBe(401);
  });

  test('router groups are none, which the cf CLI looks for before it makes tcp domains', async () => {
    const { body: root } = await suite.api.as('').get('/');
    const path = new URL(`${root.links.routing.href}/v1/router_groups?name=tcp`);
    const { status, body } = await suite.api.admin.get(`${path.pathname}${path.search}`);
    expect([status, body]).toEqual([200, []]);
  });
});
