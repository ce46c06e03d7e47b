import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { type Answer, type Client, errorOf } from '../../testing/client.ts';
import { createApp, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';
import { lrpSource } from '../handlers/lrp-source.ts';
import { taskSource } from '../handlers/task-source.ts';

const many = (...guids: string[]) => ({ data: guids.map((guid) => ({ guid })) });
const one = (guid: string) => ({ data: { guid } });
const rules = [{ protocol: 'tcp', destination: '10.0.11.0/24,10.0.12.5', ports: '80,443', description: 'the shop' }];
const egress = { protocol: 'tcp', destinations: ['10.0.11.0/24', '10.0.12.5'], ports: ['80', '443'] };

describe.each(engines)('security groups, on $engine', ({ create }) => {
  const suite = useApi(create);
  let place: { spaceGuid: string; organizationGuid: string };
  beforeEach(async () => {
    place = await createSpace(suite.api.admin);
  });
  const name = (): string => `g-${randomUUID().slice(0, 8)}`;
  const make = async (body: object = {}): Promise<string> => {
    const answer = await suite.api.admin.post('/v3/security_groups', { name: name(), rules, ...body });
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.body.guid;
  };
  const show = (guid: string, client: Client = suite.api.admin): Promise<Answer> =>
    client.get(`/v3/security_groups/${guid}`);
  const names = (answer: Answer): string[] => answer.body.resources.map((group: { name: string }) => group.name);
  /** Somebody with roles in the space of the test. */
  const member = async (...types: string[]): Promise<Client> => {
    const userName = `member-${randomUUID()}`;
    const userGuid = suite.issuer.addUser(userName);
    await suite.api.admin.post('/v3/users', { guid: userGuid });
    for (const type of ['organization_user', ...types]) {
      const where = type.startsWith('space')
        ? { space: one(place.spaceGuid) }
        : { organization: one(place.organizationGuid) };
      const made = await suite.api.admin.post('/v3/roles', { type, relationships: { user: one(userGuid), ...where } });
      if (made.status !== 201) throw new Error(made.text);
    }
    const scopes = ['cloud_controller.read', 'cloud_controller.write'];
    return suite.api.as(await suite.issuer.token({ userGuid, userName, scopes }));
  };
  /** What cells are told that an app of the space may reach. */
  const told = async (): Promise<unknown> => {
    const app = await createApp(suite.api.admin, place.spaceGuid);
    await suite.assign(app, await suite.stage(app));
    await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
    const [lrp] = await suite.lrpsOf(app);
    const source = lrpSource(suite.api.db, suite.api.platform);
    const alone = await source.load(`${lrp?.processGuid}-${lrp?.version}`);
    for await (const page of source.loadAll(() => false)) {
      for (const { guid, record } of page) {
        if (guid === `${lrp?.processGuid}-${lrp?.version}`) expect(record().egress).toEqual(alone?.egress);
      }
    }
    const task = await suite.api.admin.post(`/v3/apps/${app}/tasks`, { command: 'x' });
    const desired = await taskSource(suite.api.db, suite.api.platform).load(task.body.guid);
    expect(desired?.egress).toEqual(alone?.egress);
    return alone?.egress;
  };
  const openings = expect.arrayContaining([
    { protocol: 'all', destinations: expect.arrayContaining(['11.0.0.0-169.253.255.255']) },
    { protocol: 'udp', destinations: ['0.0.0.0/0'], ports: ['53'] },
  ]);

  test('a new platform has those of cf-deployment, for all, and its apps reach what is public and name servers', async () => {
    const all = await suite.api.admin.get('/v3/security_groups');
    expect(names(all).slice(0, 2)).toEqual(['public_networks', 'dns']);
    expect(all.body.resources[0]).toMatchObject({
      globally_enabled: { running: true, staging: true },
      rules: expect.arrayContaining([{ protocol: 'all', destination: '0.0.0.0-9.255.255.255' }]),
    });
    expect(await told()).toEqual(openings);
    expect(JSON.stringify(await told())).not.toContain('10.0.0.0');
  });

  test('one is made, shown, changed and deleted, and each of that is told to running apps', async () => {
    const made = await suite.api.admin.post('/v3/security_groups', {
      name: 'shop',
      rules,
      globally_enabled: { staging: true },
      relationships: { running_spaces: many(place.spaceGuid) },
    });
    expect([made.status, made.body]).toMatchObject([
      201,
      {
        name: 'shop',
        rules,
        globally_enabled: { running: false, staging: true },
        relationships: { running_spaces: many(place.spaceGuid), staging_spaces: many() },
        links: { self: { href: expect.stringContaining(`/v3/security_groups/${made.body.guid}`) } },
      },
    ]);
    const { guid } = made.body;
    expect((await suite.outbox()).at(-1)).toBe('sync ');
    expect(await told()).toEqual(expect.arrayContaining([egress]));
    const path = `/v3/security_groups/${guid}`;
    const changed = await suite.api.admin.patch(path, { name: 'shops', globally_enabled: { running: true } });
    expect(changed.body).toMatchObject({ name: 'shops', rules, globally_enabled: { running: true, staging: true } });
    const all = [{ protocol: 'all', destination: '10.0.0.0/8', log: true }];
    expect((await suite.api.admin.patch(path, { rules: all })).body.rules).toEqual(all);
    expect(await told()).toEqual(
      expect.arrayContaining([{ protocol: 'all', destinations: ['10.0.0.0/8'], log: true }]),
    );
    const deleted = await suite.api.admin.delete(path);
    expect(deleted.status).toBe(202);
    const job = await suite.api.admin.get(new URL(String(deleted.headers.location)).pathname);
    expect(job.body).toMatchObject({ operation: 'security_group.delete', state: 'COMPLETE' });
    expect(errorOf(await show(guid))).toMatchObject({ status: 404, detail: 'Security group not found' });
    expect(await told()).toEqual(openings);
  });

  test('names are taken once, and rules that cannot be are refused one by one', async () => {
    await make({ name: 'taken' });
    const again = await suite.api.admin.post('/v3/security_groups', { name: 'taken', rules: [] });
    expect(errorOf(again)).toMatchObject({ status: 422, detail: "Security group with name 'taken' already exists." });
    const other = await make();
    expect((await suite.api.admin.patch(`/v3/security_groups/${other}`, { name: 'taken' })).status).toBe(422);
    const bad = [rules[0], { protocol: 'tcp', destination: '10.0.0.1' }, 'x'];
    const refused = await suite.api.admin.post('/v3/security_groups', { name: name(), rules: bad });
    expect(errorOf(refused)).toMatchObject({ status: 422, code: 10008 });
    expect(errorOf(refused).detail).toContain('Rules[1]: ports are required for protocols of type TCP and UDP');
    expect(errorOf(refused).detail).toContain('Rules[2]: must be an object');
    expect((await suite.api.admin.patch(`/v3/security_groups/${other}`, { rules: bad })).status).toBe(422);
  });

  test('bound to a space it holds there, once, and no longer than the space is', async () => {
    const guid = await make();
    const running = `/v3/security_groups/${guid}/relationships/running_spaces`;
    expect(await told()).not.toEqual(expect.arrayContaining([egress]));
    for (const _ of [1, 2]) {
      const bound = await suite.api.admin.post(running, many(place.spaceGuid));
      expect([bound.status, bound.body]).toMatchObject([200, many(place.spaceGuid)]);
    }
    expect(await told()).toEqual(expect.arrayContaining([egress]));
    const other = await createSpace(suite.api.admin);
    place = { ...other, organizationGuid: place.organizationGuid };
    expect(await told()).not.toEqual(expect.arrayContaining([egress]));
    const gone = await suite.api.admin.delete(`${running}/${other.spaceGuid}`);
    expect(errorOf(gone)).toMatchObject({
      status: 422,
      detail: `Unable to unbind security group from space with guid '${other.spaceGuid}'. Ensure the space is bound to this security group.`,
    });
    await suite.api.admin.post(running, many(other.spaceGuid));
    expect((await suite.api.admin.delete(`${running}/${other.spaceGuid}`)).status).toBe(204);
    await suite.api.admin.post(running, many(other.spaceGuid));
    await suite.api.admin.delete(`/v3/spaces/${other.spaceGuid}`);
    expect((await show(guid)).body.relationships.running_spaces.data).not.toContainEqual({ guid: other.spaceGuid });
    const unknown = await suite.api.admin.post(running, many('x'));
    expect(errorOf(unknown)).toMatchObject({
      status: 422,
      detail: 'Running spaces with guids ["x"] do not exist, or you do not have access to them.',
    });
  });

  test('those for staging are kept and shown, and say nothing of what runs', async () => {
    const guid = await make({ relationships: { staging_spaces: many(place.spaceGuid) } });
    expect((await show(guid)).body.relationships).toEqual({
      running_spaces: many(),
      staging_spaces: many(place.spaceGuid),
    });
    expect(await told()).not.toEqual(expect.arrayContaining([egress]));
    const of = (lifecycle: string): Promise<Answer> =>
      suite.api.admin.get(`/v3/spaces/${place.spaceGuid}/${lifecycle}_security_groups`);
    const { name: own } = (await show(guid)).body;
    expect(names(await of('staging'))).toContain(own);
    expect(names(await of('running'))).not.toContain(own);
    expect(names(await of('running'))).toEqual(expect.arrayContaining(['public_networks', 'dns']));
    const filtered = await suite.api.admin.get(`/v3/spaces/${place.spaceGuid}/staging_security_groups?names=${own}`);
    expect(names(filtered)).toEqual([own]);
    const staging = `/v3/security_groups/${guid}/relationships/staging_spaces/${place.spaceGuid}`;
    expect((await suite.api.admin.delete(staging)).status).toBe(204);
    expect(names(await of('staging'))).not.toContain(own);
  });

  test('lists are filtered', async () => {
    const a = await make({ relationships: { running_spaces: many(place.spaceGuid) } });
    const b = await make({ relationships: { staging_spaces: many(place.spaceGuid) } });
    const found = async (query: string): Promise<string[]> =>
      (await suite.api.admin.get(`/v3/security_groups?${query}`)).body.resources.map(
        (each: { guid: string }) => each.guid,
      );
    expect(await found(`running_space_guids=${place.spaceGuid}`)).toEqual([a]);
    expect(await found(`staging_space_guids=${place.spaceGuid}`)).toEqual([b]);
    expect(await found(`guids=${a},${b}&order_by=-created_at`)).toHaveLength(2);
    expect(await found(`guids=${a},${b}&globally_enabled_running=true`)).toEqual([]);
    expect(await found(`guids=${a},${b}&globally_enabled_staging=false`)).toHaveLength(2);
    const { name: own } = (await show(a)).body;
    expect(await found(`names=${own}`)).toEqual([a]);
  });

  test('members see what holds for them, and managers bind what they see; only administrators make any', async () => {
    const developer = await member('space_developer');
    const manager = await member('space_manager');
    const other = (await createSpace(suite.api.admin)).spaceGuid;
    const elsewhere = await make({ relationships: { running_spaces: many(other) } });
    const here = await make({ relationships: { running_spaces: many(place.spaceGuid, other) } });
    expect((await show(elsewhere, developer)).status).toBe(404);
    // Of the spaces that it is bound to, their own.
    expect((await show(here, developer)).body.relationships.running_spaces).toEqual(many(place.spaceGuid));
    const listed = names(await developer.get('/v3/security_groups'));
    expect(listed).toContain('public_networks');
    expect(listed).not.toContain((await show(elsewhere)).body.name);
    expect((await developer.post('/v3/security_groups', { name: name(), rules })).status).toBe(403);
    const staging = `/v3/security_groups/${here}/relationships/staging_spaces`;
    expect((await developer.post(staging, many(place.spaceGuid))).status).toBe(403);
    expect((await manager.post(staging, many(other))).status).toBe(422);
    expect((await manager.post(staging, many(place.spaceGuid))).status).toBe(200);
    expect((await developer.delete(`${staging}/${place.spaceGuid}`)).status).toBe(403);
    expect((await manager.delete(`${staging}/${other}`)).status).toBe(422);
    expect((await manager.delete(`${staging}/${place.spaceGuid}`)).status).toBe(204);
  });
});
