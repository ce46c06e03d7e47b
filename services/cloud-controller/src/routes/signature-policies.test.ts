import { randomUUID } from 'node:crypto';
import { signingKeys } from '@slipway/testing';
import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { errorOf } from '../../testing/client.ts';
import { createApp, createBuild, createPackage, createSpace, stagedResult } from '../../testing/fixtures.ts';
import { signedImage } from '../../testing/signed-image.ts';
import { engines } from '../../testing/test-database.ts';
import { finishBuild } from '../actions/staging.ts';

const release = signingKeys();
const backup = signingKeys('ed25519');
const keyOf = (name: string, { publicKey }: { readonly publicKey: string }) => ({ name, public_key: publicKey });
const signedBy = (...names: readonly ('release' | 'backup')[]) =>
  signedImage(...names.map((name) => ({ name, keys: name === 'release' ? release : backup })));

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const pathOf = (organization: string): string => `/v3/organizations/${organization}/signature_policy`;

  /** An organization of its own, for policies outlive a test. */
  const tenancy = async () => {
    const { organizationGuid, spaceGuid } = await createSpace(suite.api.admin);
    const path = pathOf(organizationGuid);
    return { organizationGuid, spaceGuid, path, set: (body: object) => suite.api.admin.patch(path, body) };
  };

  /** An app whose current droplet is of this image; undefined: of one that nobody looked for signatures of. */
  const appOf = async (spaceGuid: string, image?: ReturnType<typeof signedImage>) => {
    const app = await createApp(suite.api.admin, spaceGuid);
    const build = await createBuild(suite.api.admin, await createPackage(suite.api.admin, app));
    const result = stagedResult(build);
    await suite.api.writer.write((unit) =>
      finishBuild(unit, suite.api.platform, image === undefined ? result : { ...result, image }),
    );
    const { body } = await suite.api.admin.get(`/v3/builds/${build}`);
    await suite.assign(app, body.droplet.guid);
    return {
      app,
      droplet: body.droplet.guid as string,
      do: (what: string) => suite.api.admin.post(`/v3/apps/${app}/actions/${what}`),
    };
  };

  describe('the signature policy of an organization', () => {
    test('is off and empty until somebody says something', async () => {
      const { path, organizationGuid } = await tenancy();
      const { body } = await suite.api.admin.get(path);
      expect(body).toMatchObject({ enabled: false, match_repository: false, keys: [], updated_at: null });
      expect(body.links.organization.href).toMatch(new RegExp(`/v3/organizations/${organizationGuid}$`));
    });

    test('is changed field by field, its keys as a whole', async () => {
      const { set, path } = await tenancy();
      const first = await set({ keys: [keyOf('release', release)] });
      expect(first.body).toMatchObject({ enabled: false, keys: [{ name: 'release', type: 'ecdsa-p256' }] });
      expect(first.body.keys[0].fingerprint).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(first.body.keys[0].public_key).toBe(release.publicKey);
      expect((await set({ enabled: true, match_repository: true })).body).toMatchObject({
        enabled: true,
        match_repository: true,
        keys: [{ name: 'release' }],
      });
      const rotated = await set({ keys: [keyOf('backup', backup), keyOf('release', release)] });
      expect(rotated.body.keys.map(({ name }: { name: string }) => name)).toEqual(['backup', 'release']);
      expect((await suite.api.admin.get(path)).body).toEqual(rotated.body);
    });

    test('names every problem of its keys', async () => {
      const { set } = await tenancy();
      const key = keyOf('release', release);
      const problems = async (body: object): Promise<string> => {
        const answer = await set(body);
        expect(answer.status).toBe(422);
        return errorOf(answer).detail;
      };
      expect(await problems({ enabled: true })).toBe('Keys must have at least 1 item while enabled is true');
      expect(await problems({ keys: [key, { ...key, name: 'again' }, keyOf('release', backup)] })).toBe(
        'Keys 1 public key is that of "release" once more, Keys 2 name "release" is taken',
      );
      const pem = '-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n';
      expect(
        await problems({
          keys: [
            { name: 'a', public_key: 'x' },
            { name: 'b', public_key: pem },
          ],
        }),
      ).toBe(
        'Keys 0 public key is invalid: the public key "a" cannot be used: it is no PEM text, ' +
          'Keys 1 public key is invalid: the public key "b" cannot be used: it is a PEM block "EC PRIVATE KEY"; "PUBLIC KEY" is needed',
      );
      expect(await problems({ keys: Array.from({ length: 17 }, (_, i) => ({ ...key, name: `${i}` })) })).toBe(
        'Keys must have at most 16 items',
      );
      expect(await problems({ keys: [{ name: '', public_key: release.publicKey }] })).toBe(
        "Keys 0 name can't be blank",
      );
      expect(await problems({ mode: 'enforce' })).toBe("Unknown field(s): 'mode'");
    });

    test('of two changes at once loses neither', async () => {
      const { set, path } = await tenancy();
      await Promise.all([set({ keys: [keyOf('release', release)] }), set({ match_repository: true })]);
      expect((await suite.api.admin.get(path)).body).toMatchObject({
        match_repository: true,
        keys: [{ name: 'release' }],
      });
    });

    test('leaves an event with the fingerprints of its keys', async () => {
      const { set, organizationGuid } = await tenancy();
      await set({ enabled: true, keys: [keyOf('release', release)] });
      const { body } = await suite.api.admin.get(
        `/v3/audit_events?types=audit.signature_policy.update&organization_guids=${organizationGuid}`,
      );
      expect(body.resources).toMatchObject([
        {
          target: { guid: organizationGuid },
          organization: { guid: organizationGuid },
          data: { request: { enabled: true, keys: [{ name: 'release', type: 'ecdsa-p256' }] } },
        },
      ]);
    });

    test('goes with the organization', async () => {
      const { set, organizationGuid, path } = await tenancy();
      await set({ enabled: true, keys: [keyOf('release', release)] });
      await suite.api.admin.delete(`/v3/organizations/${organizationGuid}`);
      expect((await suite.api.admin.get(path)).status).toBe(404);
      const left = suite.api.db
        .selectFrom('signature_policies')
        .selectAll()
        .where('organization_guid', '=', organizationGuid);
      expect(await left.execute()).toEqual([]);
    });
  });

  describe('what is started', () => {
    test('is held to the policy: a droplet staged without a signature is to be staged again', async () => {
      const { set, spaceGuid } = await tenancy();
      const { app, do: act } = await appOf(spaceGuid);
      await set({ enabled: true, keys: [keyOf('release', release)] });
      const refused = errorOf(await act('start'));
      expect(refused).toMatchObject({ status: 422 });
      expect(refused.detail).toMatch(/has no signature by the key "release".*cf restage.*staged without a signature/);
      const task = await suite.api.admin.post(`/v3/apps/${app}/tasks`, { command: 'x' });
      expect(errorOf(task)).toMatchObject({ status: 422, detail: expect.stringContaining('cf restage') });
      expect(await suite.lrpsOf(app)).toEqual([]);
      await set({ enabled: false });
      expect((await act('start')).status).toBe(200);
    });

    test('carries the policy and the proofs to the cells, and shows them on the droplet', async () => {
      const { set, spaceGuid } = await tenancy();
      await set({ enabled: true, keys: [keyOf('release', release)], match_repository: false });
      const image = signedBy('release');
      const { app, droplet, do: act } = await appOf(spaceGuid, image);
      expect((await act('start')).status).toBe(200);
      expect((await suite.lrpsOf(app))[0]?.runInfo.image).toMatchObject({
        signaturePolicy: { keys: [{ name: 'release', publicKey: release.publicKey }], matchRepository: false },
        signatures: image.signatures,
      });
      const shown = await suite.api.admin.get(`/v3/droplets/${droplet}`);
      expect(shown.body.signatures).toEqual([
        {
          key: 'release',
          digest: image.manifestDigest,
          format: 'simple-signing',
          found_at: expect.stringMatching(/^tag sha256-/),
        },
      ]);
      const task = await suite.api.admin.post(`/v3/apps/${app}/tasks`, { command: 'x' });
      expect(task.status).toBe(202);
    });

    test('without a policy goes without either', async () => {
      const { spaceGuid } = await tenancy();
      const { app, do: act } = await appOf(spaceGuid, signedBy('release'));
      await act('start');
      const started = (await suite.lrpsOf(app))[0]?.runInfo.image;
      expect(started?.signaturePolicy).toBeUndefined();
      expect(started?.signatures).toBeUndefined();
    });

    test('goes on when a key is taken away, and is refused at the next start', async () => {
      const { set, spaceGuid } = await tenancy();
      await set({ enabled: true, keys: [keyOf('release', release)] });
      const [one, both] = [
        await appOf(spaceGuid, signedBy('release')),
        await appOf(spaceGuid, signedBy('release', 'backup')),
      ];
      for (const { do: act } of [one, both]) expect((await act('start')).status).toBe(200);
      const before = await suite.lrpsOf(one.app);
      await set({ keys: [keyOf('backup', backup)] });
      expect((await suite.lrpsOf(one.app)).map(({ processGuid }) => processGuid)).toEqual(
        before.map(({ processGuid }) => processGuid),
      );
      await suite.api.admin.post(`/v3/processes/${one.app}/actions/scale`, { instances: 3 });
      expect((await suite.lrpsOf(one.app))[0]?.runInfo.image.signaturePolicy?.keys).toMatchObject([
        { name: 'release' },
      ]);
      const refused = errorOf(await one.do('restart'));
      expect(refused).toMatchObject({
        status: 422,
        detail: expect.stringContaining('has no signature by the key "backup"'),
      });
      expect(await suite.lrpsOf(one.app)).toHaveLength(1);
      expect((await both.do('restart')).status).toBe(200);
      const deployment = { relationships: { app: { data: { guid: one.app } } } };
      expect(errorOf(await suite.api.admin.post('/v3/deployments', deployment))).toMatchObject({ status: 422 });
    });

    test('of another organization is not held to it', async () => {
      const [strict, other] = [await tenancy(), await tenancy()];
      await strict.set({ enabled: true, keys: [keyOf('release', release)] });
      expect((await (await appOf(other.spaceGuid)).do('start')).status).toBe(200);
    });
  });

  test('an unknown organization has no policy', async () => {
    const path = pathOf(randomUUID());
    expect((await suite.api.admin.get(path)).status).toBe(404);
    expect((await suite.api.admin.patch(path, { enabled: false })).status).toBe(404);
  });
});
