import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { createApp, createPackage, createSpace } from '../../testing/fixtures.ts';
import { useManifests } from '../../testing/manifests.ts';
import { engines } from '../../testing/test-database.ts';
import { readYaml } from '../adapters/yaml/read-yaml.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const { name, post, applied, appNamed, manifestOf } = useManifests(suite);
  const image = { docker: { image: 'nginx' } };

  test('is written down with the image as it was pushed', async () => {
    const app = await createApp(suite.api.admin, suite.spaceGuid, name());
    await createPackage(suite.api.admin, app, { image: 'registry.test/app:1', username: 'u', password: 'secret-word' });
    const answer = await suite.api.admin.get(`/v3/apps/${app}/manifest`);
    expect(answer.headers['content-type']).toContain('application/x-yaml');
    expect(answer.text).not.toContain('secret-word');
    expect(readYaml(answer.text)).toMatchObject({
      value: {
        applications: [{ docker: { image: 'registry.test/app:1', username: 'u' }, 'no-route': true, processes: [{}] }],
      },
    });
  });

  test('what is written down is applied to the same state, and differs in nothing', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((value) => !value.includes('\0'));
    const seconds = fc.integer({ min: 1, max: 180 });
    const process = (type: string) =>
      fc.record(
        {
          type: fc.constant(type),
          instances: fc.integer({ min: 0, max: 10 }),
          memory: fc.integer({ min: 64, max: 4096 }).map((size) => `${size}M`),
          disk_quota: fc.integer({ min: 1, max: 2048 }).map((size) => `${size}MB`),
          'log-rate-limit-per-second': fc.oneof(
            fc.constant(-1),
            fc.nat({ max: 2 ** 30 }).map((rate) => `${rate}B`),
          ),
          command: fc.oneof(fc.constant(null), text),
          timeout: seconds,
          'health-check-type': fc.constantFrom('port', 'http', 'process', 'none'),
          'health-check-invocation-timeout': seconds,
          'health-check-interval': seconds,
          'readiness-health-check-type': fc.constantFrom('port', 'http', 'process', 'none'),
          'readiness-health-check-invocation-timeout': seconds,
          'readiness-health-check-interval': seconds,
          user: fc.constantFrom('vcap', 'app'),
        },
        { requiredKeys: ['type'] },
      );
    const sidecar = fc.record(
      {
        name: text.filter((value) => value !== ''),
        command: text.filter((value) => value !== ''),
        process_types: fc.constantFrom(['web'], ['web', 'worker'], ['other']),
        memory: fc.integer({ min: 1, max: 20 }).map((size) => `${size}MB`),
      },
      { requiredKeys: ['name', 'command', 'process_types'] },
    );
    const manifests = fc.record(
      {
        env: fc.dictionary(fc.stringMatching(/^[A-OQ-U]\w{0,8}$/), fc.oneof(text, fc.integer(), fc.boolean())),
        metadata: fc.record({
          labels: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[a-z0-9]{1,8}$/)),
          annotations: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), text),
        }),
        features: fc.constantFrom<Record<string, boolean>>(
          { revisions: false },
          { revisions: true, 'service-binding-k8s': true },
          { 'file-based-vcap-services': true, ssh: false },
        ),
        sidecars: fc.uniqueArray(sidecar, { maxLength: 3, selector: ({ name: key }) => key }),
        options: fc.constantFrom({}, { loadbalancing: 'round-robin' }, { loadbalancing: 'least-connection' }),
        processes: fc.tuple(process('web'), process('worker')),
        paths: fc.uniqueArray(fc.stringMatching(/^\/[a-z]{1,5}$/), { maxLength: 3 }),
        protocol: fc.constantFrom('http1', 'http2'),
      },
      { requiredKeys: ['paths', 'protocol', 'options'] },
    );
    await fc.assert(
      fc.asyncProperty(manifests, async ({ paths, protocol, options, ...application }) => {
        const [one, two] = [await createSpace(suite.api.admin), await createSpace(suite.api.admin)];
        const app = name();
        const routes = paths.map((path) => ({ route: `${app}.apps.localhost${path}`, protocol, options }));
        await applied({ applications: [{ name: app, ...image, ...application, routes }] }, one.spaceGuid);
        const first = await manifestOf((await appNamed(app, one.spaceGuid)).guid);
        const diff = await post(`/v3/spaces/${one.spaceGuid}/manifest_diff`, first);
        expect(diff.body.diff).toEqual([]);
        await applied(first, one.spaceGuid);
        expect(await manifestOf((await appNamed(app, one.spaceGuid)).guid)).toBe(first);
        await suite.api.admin.delete(`/v3/spaces/${one.spaceGuid}`);
        // Into another space, where there is no such app yet.
        await applied(first, two.spaceGuid);
        expect(await manifestOf((await appNamed(app, two.spaceGuid)).guid)).toBe(first);
        await suite.api.admin.delete(`/v3/spaces/${two.spaceGuid}`);
      }),
      { numRuns: 25 },
    );
  });
});
