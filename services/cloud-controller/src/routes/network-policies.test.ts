import { randomUUID } from 'node:crypto';
import { keys } from '@slipway/contracts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import type { Client } from '../../testing/client.ts';
import { createApp, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';
import { policyProblem } from '../domain/network-policy.ts';

const PATH = '/networking/v1/external/policies';

interface Ports {
  readonly protocol?: string;
  readonly start?: number;
  readonly end?: number;
}

function policy(source: string, destination: string, { protocol = 'tcp', start = 8080, end = start }: Ports = {}) {
  return { source: { id: source }, destination: { id: destination, protocol, ports: { start, end } } };
}

test('whatever is found right has both ends, a known protocol, and ports from 1 to 65535', () => {
  const text = fc.constantFrom('', 'tcp', 'udp', 'icmp', 'a');
  const port = fc.oneof(fc.integer({ min: -2, max: 2 }), fc.integer({ min: 65_530, max: 65_540 }));
  const end = { id: text, tag: fc.constantFrom('', '1') };
  const ports = fc.record({ start: port, end: port });
  const sent = fc.record({ source: fc.record(end), destination: fc.record({ ...end, protocol: text, ports }) });
  fc.assert(
    fc.property(fc.array(sent, { maxLength: 3 }), (policies) => {
      if (policyProblem(policies) !== undefined) return;
      expect(policies.length).toBeGreaterThan(0);
      for (const { source, destination } of policies) {
        expect([source.id, destination.id]).not.toContain('');
        expect(['tcp', 'udp']).toContain(destination.protocol);
        expect(destination.ports.start).toBeGreaterThanOrEqual(1);
        expect(destination.ports.start).toBeLessThanOrEqual(destination.ports.end);
        expect(destination.ports.end).toBeLessThanOrEqual(65_535);
      }
    }),
  );
});

describe.each(engines)('network policies, on $engine', ({ create }) => {
  const suite = useApi(create);
  const app = (spaceGuid = suite.spaceGuid) => createApp(suite.api.admin, spaceGuid);
  const add = (policies: readonly object[], client = suite.api.admin) => client.post(PATH, { policies });
  const remove = (policies: readonly object[], client = suite.api.admin) => client.post(`${PATH}/delete`, { policies });
  const listed = async (query: string, client = suite.api.admin) => (await client.get(`${PATH}?${query}`)).body;

  /** Who develops in these spaces and is nothing else. */
  const developer = async (...spaces: readonly string[]): Promise<Client> => {
    const userGuid = suite.issuer.addUser(`developer-${randomUUID()}`);
    await suite.api.admin.post('/v3/users', { guid: userGuid });
    for (const guid of spaces) {
      const { body } = await suite.api.admin.get(`/v3/spaces/${guid}`);
      const user = { data: { guid: userGuid } };
      const organization = { data: body.relationships.organization.data };
      await suite.api.admin.post('/v3/roles', { type: 'organization_user', relationships: { user, organization } });
      const relationships = { user, space: { data: { guid } } };
      expect((await suite.api.admin.post('/v3/roles', { type: 'space_developer', relationships })).status).toBe(201);
    }
    const scopes = ['cloud_controller.read', 'cloud_controller.write'];
    return suite.api.as(await suite.issuer.token({ userGuid, userName: 'developer', scopes }));
  };

  test('the cf CLI finds them by a link of the root', async () => {
    const { body } = await suite.api.as('').get('/');
    expect(body.links.network_policy_v1.href).toMatch(/\/networking\/v1\/external$/);
  });

  test('are added, listed by either end or both, and removed', async () => {
    const [a, b, c] = [await app(), await app(), await app()];
    const [ab, bc] = [policy(a, b), policy(b, c, { protocol: 'udp', start: 5000, end: 5010 })];
    const answer = await add([ab, bc]);
    expect([answer.status, answer.text]).toEqual([200, '{}']);
    expect(await listed(`id=${a},${c}`)).toEqual({ total_policies: 2, policies: [ab, bc] });
    expect((await listed(`id=${a}`)).policies).toEqual([ab]);
    expect((await listed(`source_id=${b}`)).policies).toEqual([bc]);
    expect((await listed(`dest_id=${b}`)).policies).toEqual([ab]);
    expect((await listed(`source_id=${a}&dest_id=${c}`)).policies).toEqual([]);
    expect((await remove([ab, policy(a, c)])).text).toBe('{}');
    expect((await listed(`id=${a},${b},${c}`)).policies).toEqual([bc]);
  });

  test('are told to the bus and to the auditors once, however often they are sent', async () => {
    const [a, b] = [await app(), await app()];
    const ab = policy(a, b);
    await add([ab, ab]);
    await add([ab]);
    await remove([ab]);
    await remove([ab]);
    const key = `network ${keys.networkPolicy(a, b)}`;
    expect((await suite.outbox()).filter((row) => row === key)).toHaveLength(2);
    const { body } = await suite.api.admin.get(`/v3/audit_events?target_guids=${a}&order_by=created_at`);
    const events = body.resources.map(({ type, data }: { type: string; data: unknown }) => [type, data]);
    const data = { destination_guid: b, protocol: 'tcp', ports: { start: 8080, end: 8080 } };
    expect(events.slice(-2)).toEqual([
      ['audit.app.add-network-policy', data],
      ['audit.app.remove-network-policy', data],
    ]);
  });

  test('may lead from an app to itself', async () => {
    const a = await app();
    await add([policy(a, a)]);
    expect((await listed(`id=${a}`)).policies).toEqual([policy(a, a)]);
  });

  test.each([
    ['missing policies', () => []],
    ['missing source id', () => [policy('', 'x')]],
    ['missing destination id', () => [policy('x', '')]],
    ['invalid destination protocol, specify either udp or tcp', () => [policy('x', 'y', { protocol: 'icmp' })]],
    ['invalid port range 9-8, start must be less than or equal to end', () => [policy('x', 'y', { start: 9, end: 8 })]],
    ['missing start port', () => [policy('x', 'y', { start: 0, end: 8 })]],
    ['invalid end port 65536, must be in range 1-65535', () => [policy('x', 'y', { end: 65_536 })]],
  ])('are refused in the words of the policy server: %s', async (text, policies) => {
    const answer = await add(policies());
    expect([answer.status, answer.body]).toEqual([400, { error: `mapper: validate policies: ${text}` }]);
  });

  test('whoever develops at both ends makes and sees them; nobody else is told that an app is there', async () => {
    const other = await createSpace(suite.api.admin);
    const [a, b] = [await app(), await app(other.spaceGuid)];
    const refused = { error: 'one or more applications cannot be found or accessed' };
    const one = await developer(suite.spaceGuid);
    expect(await add([policy(a, b)], one)).toMatchObject({ status: 403, body: refused });
    expect(await add([policy(a, randomUUID())], one)).toMatchObject({ status: 403, body: refused });
    expect((await add([policy(a, b)])).status).toBe(200);
    expect((await listed(`id=${a}`, one)).policies).toEqual([]);
    expect(await remove([policy(a, b)], one)).toMatchObject({ status: 403, body: refused });
    const both = await developer(suite.spaceGuid, other.spaceGuid);
    expect((await listed(`id=${a}`, both)).policies).toEqual([policy(a, b)]);
    expect((await remove([policy(a, b)], both)).status).toBe(200);
    expect((await add([policy(b, a)], both)).status).toBe(200);
  });

  test('a developer makes so many of one source, an administrator of the network as many as there are', async () => {
    const limit = suite.api.platform.limits.networkPoliciesPerSource;
    const [a, b] = [await app(), await app()];
    const of = (count: number, from = 1) =>
      Array.from({ length: count }, (_, index) => policy(a, b, { start: from + index }));
    const client = await developer(suite.spaceGuid);
    expect((await add(of(limit), client)).status).toBe(200);
    const answer = await add(of(1, limit + 1), client);
    expect([answer.status, answer.body]).toEqual([403, { error: 'policy quota exceeded' }]);
    const scopes = ['cloud_controller.read', 'cloud_controller.write', 'network.admin'];
    const token = await suite.issuer.token({ userGuid: 'network-admin', userName: 'n', scopes });
    expect((await add(of(1, limit + 1), suite.api.as(token))).status).toBe(200);
    expect((await listed(`id=${a}`, suite.api.as(token))).total_policies).toBe(limit + 1);
  });

  test('go with an app that is either end', async () => {
    const [a, b, c] = [await app(), await app(), await app()];
    await add([policy(a, b), policy(b, c), policy(c, a), policy(c, c)]);
    expect((await suite.api.admin.delete(`/v3/apps/${a}`)).status).toBe(202);
    expect((await listed(`id=${a},${b},${c}`)).policies).toEqual([policy(b, c), policy(c, c)]);
    expect((await suite.outbox()).filter((row) => row === `network ${keys.networkPolicy(c, a)}`)).toHaveLength(2);
  });

  test('apps.internal is there from the start, and no router’s', async () => {
    const { body } = await suite.api.admin.get('/v3/domains?names=apps.internal');
    expect(body.resources).toMatchObject([{ name: 'apps.internal', internal: true, relationships: {} }]);
    const shared = await suite.api.admin.get(`/v3/organizations/${suite.organizationGuid}/domains/default`);
    expect(shared.body.name).toBe('apps.localhost');
  });
});
