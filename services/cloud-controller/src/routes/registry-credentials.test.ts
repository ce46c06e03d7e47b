import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { type Answer, errorOf } from '../../testing/client.ts';
import { createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';
import { failExpiredChecks, finishCheck } from '../actions/registry-checks.ts';
import type { RegistryCredentialsRow } from '../adapters/sql/schema.ts';
import type { CheckOutcome } from '../domain/registry-credentials/verification.ts';
import { purposes } from '../domain/secrets/purposes.ts';

const one = (guid: string) => ({ data: { guid } });
const accepted: CheckOutcome = { outcome: 'accepted', detail: 'r.test answered 200' };
const refused: CheckOutcome = { outcome: 'refused', code: 'REGISTRY_UNAUTHORIZED', detail: 'r.test answered 401' };
const down: CheckOutcome = {
  outcome: 'unanswered',
  code: 'REGISTRY_UNREACHABLE',
  detail: 'r.test refuses connections',
};

describe.each(engines)('registry credentials, on $engine', ({ create }) => {
  const suite = useApi(create);
  let place: { spaceGuid: string; organizationGuid: string };
  beforeEach(async () => {
    place = await createSpace(suite.api.admin);
  });

  const body = (more: Record<string, unknown> = {}) => ({
    name: 'ci',
    registry: 'r.test',
    username: 'robot',
    password: 'first',
    relationships: { space: one(place.spaceGuid) },
    ...more,
  });
  const make = (more: Record<string, unknown> = {}, query = ''): Promise<Answer> =>
    suite.api.admin.post(`/v3/registry_credentials${query}`, body(more));
  const rowOf = (guid: string): Promise<RegistryCredentialsRow> =>
    suite.api.db.selectFrom('registry_credentials').selectAll().where('guid', '=', guid).executeTakeFirstOrThrow();
  const shown = async (guid: string) => (await suite.api.admin.get(`/v3/registry_credentials/${guid}`)).body;
  /** What a stager would answer to the open question. */
  const answer = async (guid: string, outcome: CheckOutcome): Promise<boolean> => {
    const { check_guid: checkGuid } = await rowOf(guid);
    const { writer, platform } = suite.api;
    return writer.write((unit) => finishCheck(unit, platform, { ...outcome, checkGuid: checkGuid ?? '' }));
  };
  const jobOf = async ({ headers }: Answer) =>
    (await suite.api.admin.get(new URL(String(headers.location)).pathname)).body;
  /** What stagers and cells would be given; undefined while nothing is in use. */
  const passwordInUse = async (guid: string): Promise<string | undefined> => {
    const { password } = await rowOf(guid);
    if (password === null) return undefined;
    return suite.api.platform.vault.decrypt(password, purposes.registryPassword(guid));
  };
  const verified = async (more: Record<string, unknown> = {}): Promise<string> => {
    const { body: created } = await make(more);
    await answer(created.guid, accepted);
    return created.guid;
  };

  test('are asked about when they are made, and come into use when the registry takes them', async () => {
    const created = await make({ repository_prefix: 'team/' });
    expect(created.status).toBe(202);
    const { guid } = created.body;
    expect(created.body).toMatchObject({
      name: 'ci',
      registry: 'r.test',
      repository_prefix: 'team/',
      username: 'robot',
      active: false,
      verification: { state: 'pending', at: null, code: null, detail: null },
      relationships: { space: one(place.spaceGuid) },
      links: { verify: { method: 'POST' } },
    });
    expect(await jobOf(created)).toMatchObject({ operation: 'registry_credentials.create', state: 'PROCESSING' });
    expect((await suite.outbox()).at(-1)).toBe(`registry-check ${guid}`);
    expect(await answer(guid, accepted)).toBe(true);
    expect(await jobOf(created)).toMatchObject({ state: 'COMPLETE', errors: [] });
    const now = await shown(guid);
    expect(now).toMatchObject({ active: true, verification: { state: 'verified', detail: 'r.test answered 200' } });
    expect(now.verification.at).toMatch(/Z$/);
    expect(await passwordInUse(guid)).toBe('first');
    expect((await suite.outbox()).at(-1)).toBe('sync ');
    // The same answer once more changes nothing.
    expect(await answer(guid, refused)).toBe(false);
    const events = await suite.api.admin.get(`/v3/audit_events?target_guids=${guid}`);
    expect(events.body.resources.map(({ type }: { type: string }) => type)).toEqual([
      'audit.registry_credentials.create',
      'audit.registry_credentials.verified',
    ]);
    // What came of the question is the doing of whoever asked it.
    expect(events.body.resources[1]).toMatchObject({ actor: { guid: 'admin-guid' }, space: { guid: place.spaceGuid } });
  });

  test('that the registry refuses are not used, and job and object name the reason', async () => {
    const created = await make();
    const { guid } = created.body;
    await answer(guid, refused);
    const detail = 'r.test answered 401. These credentials are not used';
    expect(await jobOf(created)).toMatchObject({
      state: 'FAILED',
      errors: [{ title: 'CF-RegistryCredentialsNotVerified', detail }],
    });
    const verification = { state: 'failed', code: 'REGISTRY_UNAUTHORIZED', detail };
    expect(await shown(guid)).toMatchObject({ active: false, verification });
    expect(await passwordInUse(guid)).toBeUndefined();
  });

  test('are rotated in one call: the new password counts from the moment the registry takes it', async () => {
    const guid = await verified();
    const rotated = await suite.api.admin.patch(`/v3/registry_credentials/${guid}`, { password: 'second' });
    expect(rotated.status).toBe(202);
    expect(rotated.body).toMatchObject({ active: true, username: 'robot', verification: { state: 'pending' } });
    expect(await passwordInUse(guid)).toBe('first');
    await answer(guid, accepted);
    expect(await jobOf(rotated)).toMatchObject({ operation: 'registry_credentials.update', state: 'COMPLETE' });
    expect(await passwordInUse(guid)).toBe('second');
  });

  test('keep the old password when the registry refuses the new one, which is forgotten', async () => {
    const guid = await verified();
    const path = `/v3/registry_credentials/${guid}`;
    const rotated = await suite.api.admin.patch(path, { username: 'other', password: 'wrong' });
    await answer(guid, refused);
    expect((await jobOf(rotated)).errors[0].detail).toMatch(/401\. The former user name and password stay in use$/);
    expect(await shown(guid)).toMatchObject({ active: true, username: 'robot', verification: { state: 'failed' } });
    expect(await rowOf(guid)).toMatchObject({ offered_username: null, offered_password: null });
    expect(await passwordInUse(guid)).toBe('first');
    // Asking again is about what is in use.
    expect((await suite.api.admin.post(`${path}/actions/verify`)).status).toBe(202);
    await answer(guid, accepted);
    expect(await shown(guid)).toMatchObject({ verification: { state: 'verified' } });
    expect(await passwordInUse(guid)).toBe('first');
  });

  test('wait when the registry is down: it is not the password, and can be asked again', async () => {
    const guid = await verified();
    const path = `/v3/registry_credentials/${guid}`;
    await suite.api.admin.patch(path, { password: 'second' });
    await answer(guid, down);
    expect((await shown(guid)).verification).toMatchObject({
      state: 'failed',
      code: 'REGISTRY_UNREACHABLE',
      detail: expect.stringMatching(/stay in use; verify the new ones again/),
    });
    expect(await passwordInUse(guid)).toBe('first');
    await suite.api.admin.post(`${path}/actions/verify`);
    await answer(guid, accepted);
    expect(await passwordInUse(guid)).toBe('second');
  });

  test('are used at once when somebody insists, whatever the registry says', async () => {
    const created = await make({}, '?force=true');
    const { guid } = created.body;
    expect(created.body).toMatchObject({ active: true, verification: { state: 'pending' } });
    await suite.api.admin.patch(`/v3/registry_credentials/${guid}?force=true`, { password: 'second' });
    expect(await passwordInUse(guid)).toBe('second');
    await answer(guid, refused);
    expect(await shown(guid)).toMatchObject({ active: true, verification: { state: 'failed' } });
    expect((await shown(guid)).verification.detail).toMatch(/This user name and password stay in use$/);
    expect(await passwordInUse(guid)).toBe('second');
  });

  test('count by the last change: the answer about an earlier password is ignored, and its job ends', async () => {
    const guid = await verified();
    const path = `/v3/registry_credentials/${guid}`;
    const second = await suite.api.admin.patch(path, { password: 'second' });
    const { check_guid: asked } = await rowOf(guid);
    await suite.api.admin.patch(path, { password: 'third' });
    const { writer, platform } = suite.api;
    const late = { ...accepted, checkGuid: asked ?? '' };
    expect(await writer.write((unit) => finishCheck(unit, platform, late))).toBe(false);
    expect((await jobOf(second)).errors[0].detail).toMatch(/a later request took the place/);
    expect(await passwordInUse(guid)).toBe('first');
    await answer(guid, accepted);
    expect(await passwordInUse(guid)).toBe('third');
  });

  test('that no stager answers about in time are not verified, and it is said why', async () => {
    const created = await make();
    const { writer, platform } = suite.api;
    const later = new Date(Date.now() + 3_600_000).toISOString();
    await writer.write((unit) => failExpiredChecks(unit, platform, later));
    expect((await shown(created.body.guid)).verification).toMatchObject({
      state: 'failed',
      code: 'REGISTRY_CHECK_DEADLINE',
      detail: expect.stringContaining('no stager answered within 60 s'),
    });
    expect(await jobOf(created)).toMatchObject({ state: 'FAILED' });
  });

  test('change name and metadata without asking anybody', async () => {
    const guid = await verified();
    const change = { name: 'renamed', metadata: { labels: { team: 'a' } } };
    const answered = await suite.api.admin.patch(`/v3/registry_credentials/${guid}`, change);
    expect(answered.status).toBe(200);
    expect(answered.headers.location).toBeUndefined();
    expect(answered.body).toMatchObject({ name: 'renamed', verification: { state: 'verified' } });
    const listed = await suite.api.admin.get('/v3/registry_credentials?label_selector=team=a');
    expect(listed.body.resources.map((each: { guid: string }) => each.guid)).toContain(guid);
  });

  test('are listed by registry, place, name and state', async () => {
    const guid = await verified();
    const relationships = { organization: one(place.organizationGuid) };
    const ofOrganization = (await make({ relationships, registry: 'Other.Test:5000' })).body;
    expect(ofOrganization).toMatchObject({ registry: 'other.test:5000', relationships, repository_prefix: null });
    const find = async (query: string): Promise<string[]> => {
      const { body: list } = await suite.api.admin.get(`/v3/registry_credentials?order_by=created_at&${query}`);
      return list.resources.map((each: { guid: string }) => each.guid);
    };
    const both = `guids=${guid},${ofOrganization.guid}`;
    expect(await find(`${both}&registries=R.TEST`)).toEqual([guid]);
    expect(await find(`space_guids=${place.spaceGuid}`)).toEqual([guid]);
    expect(await find(`organization_guids=${place.organizationGuid}`)).toEqual([ofOrganization.guid]);
    expect(await find(`${both}&verification_states=pending`)).toEqual([ofOrganization.guid]);
    expect(await find(`${both}&names=ci`)).toEqual([guid, ofOrganization.guid]);
  });

  test.each([
    [{ registry: 'https://r.test' }, /Registry must be host\[:port\]: expected a registry without a scheme/],
    [{ registry: 'r' }, /Registry must be host\[:port\]/],
    [{ repository_prefix: 'Team' }, /Repository prefix must be .* at character 1/],
    [{ repository_prefix: 'team/app:1' }, /must not have a tag/],
    [{ registry: 'docker.io', repository_prefix: 'team' }, /a namespace as "team\/"/],
    [{ username: 'a:b' }, /Username is invalid: must not contain ":"/],
    [{ username: '' }, /Username/],
    [{ password: '' }, /Password/],
    [{ password: 'x'.repeat(5001) }, /Password/],
    [{ name: '' }, /Name/],
    [{ relationships: {} }, /Relationships must name either a space or an organization/],
    [{ relationships: { space: one('none') } }, /Invalid space/],
    [{ relationships: { organization: one('none') } }, /Invalid organization/],
    [{ url: 'x' }, /Unknown field/],
  ])('%j is refused', async (more, detail) => {
    const answered = await make(more);
    expect(errorOf(answered)).toMatchObject({ status: 422, detail: expect.stringMatching(detail) });
  });

  test('of both a space and an organization are refused', async () => {
    const relationships = { space: one(place.spaceGuid), organization: one(place.organizationGuid) };
    expect(errorOf(await make({ relationships })).detail).toMatch(/either a space or an organization/);
  });

  test('are unique in their place by name, and by registry and prefix', async () => {
    await verified();
    expect(errorOf(await make({ registry: 'other.test' })).detail).toMatch(/must be unique in its space: ci is taken/);
    expect(errorOf(await make({ name: 'x' })).detail).toMatch(/has credentials for r\.test\/ already: ci/);
    expect((await make({ name: 'x', repository_prefix: 'team' })).status).toBe(202);
    const relationships = { organization: one(place.organizationGuid) };
    const other = await make({ relationships });
    expect(other.status).toBe(202);
    expect((await make({ relationships, name: 'y', registry: 'y.test' })).status).toBe(202);
    const renamed = await suite.api.admin.patch(`/v3/registry_credentials/${other.body.guid}`, { name: 'y' });
    expect(errorOf(renamed)).toMatchObject({
      status: 422,
      detail: expect.stringMatching(/unique in its organization/),
    });
  });

  test('of one place are 100 at most', async () => {
    for (let i = 0; i < 100; i++) expect((await make({ name: `n${i}`, registry: `r${i}.test` })).status).toBe(202);
    const answered = await make({ name: 'more', registry: 'more.test' });
    expect(errorOf(answered)).toMatchObject({ status: 422, detail: 'A space has at most 100 registry credentials' });
  });

  test('take no registry, and no user name without its password, when they are changed', async () => {
    const path = `/v3/registry_credentials/${await verified()}`;
    // Who may change them could else have the password sent to a registry of their own.
    for (const change of [{ registry: 'mine.test' }, { repository_prefix: 'x' }, { username: 'other' }]) {
      expect((await suite.api.admin.patch(path, change)).status).toBe(422);
    }
  });

  test('go with their space or organization, and whoever waits for a job is told', async () => {
    const inSpace = await make();
    const relationships = { organization: one(place.organizationGuid) };
    const inOrganization = (await make({ relationships })).body.guid;
    await suite.api.admin.delete(`/v3/spaces/${place.spaceGuid}`);
    expect((await suite.api.admin.get(`/v3/registry_credentials/${inSpace.body.guid}`)).status).toBe(404);
    expect((await jobOf(inSpace)).errors[0].detail).toBe('Not verified: the credentials were deleted');
    expect((await suite.api.admin.get(`/v3/registry_credentials/${inOrganization}`)).status).toBe(200);
    await suite.api.admin.delete(`/v3/organizations/${place.organizationGuid}`);
    expect((await suite.api.admin.get(`/v3/registry_credentials/${inOrganization}`)).status).toBe(404);
  });

  test('are deleted, and their images are pulled without them', async () => {
    const guid = await verified();
    expect((await suite.api.admin.delete(`/v3/registry_credentials/${guid}`)).status).toBe(204);
    expect((await suite.outbox()).at(-1)).toBe('sync ');
    const nothing = await suite.api.admin.delete(`/v3/registry_credentials/${guid}`);
    expect(errorOf(nothing)).toMatchObject({ status: 404, detail: 'Registry credentials not found' });
    expect((await suite.api.admin.get(`/v3/registry_credentials/${randomUUID()}`)).status).toBe(404);
  });
});
