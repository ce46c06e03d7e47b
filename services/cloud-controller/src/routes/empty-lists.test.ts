import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  /** As the cf CLI asks. */
  const asked = ['/v3/service_route_bindings?include=service_instance&route_guids=a,b'];

  test.each(asked)('%s is empty', async (path) => {
    const { status, body } = await suite.api.admin.get(path);
    expect([status, body.resources, body.pagination.total_results]).toEqual([200, [], 0]);
  });

  test('what is included is empty too, and only what exists may be', async () => {
    const { body } = await suite.api.admin.get('/v3/service_route_bindings?include=route,service_instance');
    expect(body.included).toEqual({ routes: [], service_instances: [] });
    const wrong = await suite.api.admin.get('/v3/service_route_bindings?include=space');
    expect(errorOf(wrong)).toMatchObject({ status: 400, code: 10005 });
  });

  test('a token is needed', async () => {
    expect((await suite.api.as('').get('/v3/service_route_bindings')).status).toBe(401);
  });
});
