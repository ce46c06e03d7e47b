import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { writeYaml } from '../src/adapters/yaml/write-yaml.ts';
import type { ApiSuite } from './api-suite.ts';
import type { Answer } from './client.ts';

const YAML = { 'content-type': 'application/x-yaml' };

/** What tests do with manifests: an administrator's requests, in the suite's space unless another one is given. */
interface Manifests {
  name(): string;
  post(path: string, manifest: unknown): Promise<Answer>;
  apply(manifest: unknown, space?: string): Promise<Answer>;
  jobOf(answer: Answer): Promise<Answer['body']>;
  applied(manifest: unknown, space?: string): Promise<void>;
  /** The job's error. */
  failed(manifest: unknown): Promise<string>;
  appNamed(appName: string, space?: string): Promise<Answer['body']>;
  routesOf(guid: string): Promise<string[]>;
  manifestOf(guid: string): Promise<string>;
}

export function useManifests(suite: ApiSuite): Manifests {
  const name = (): string => `app-${randomUUID().slice(0, 8)}`;
  const post = (path: string, manifest: unknown): Promise<Answer> =>
    suite.api.admin.send('POST', path, typeof manifest === 'string' ? manifest : writeYaml(manifest), YAML);
  const apply = (manifest: unknown, space = suite.spaceGuid): Promise<Answer> =>
    post(`/v3/spaces/${space}/actions/apply_manifest`, manifest);
  const jobOf = async (answer: Answer): Promise<Answer['body']> => {
    expect([answer.status, answer.text]).toEqual([202, '']);
    return (await suite.api.admin.get(new URL(String(answer.headers.location)).pathname)).body;
  };
  const applied = async (manifest: unknown, space?: string): Promise<void> => {
    expect(await jobOf(await apply(manifest, space))).toMatchObject({ state: 'COMPLETE', errors: [] });
  };
  const failed = async (manifest: unknown): Promise<string> => {
    const job = await jobOf(await apply(manifest));
    expect(job).toMatchObject({ state: 'FAILED', operation: 'space.apply_manifest', errors: [{ code: 10008 }] });
    return job.errors[0].detail;
  };
  const appNamed = async (appName: string, space = suite.spaceGuid): Promise<Answer['body']> =>
    (await suite.api.admin.get(`/v3/apps?names=${appName}&space_guids=${space}`)).body.resources[0];
  const routesOf = async (guid: string): Promise<string[]> =>
    (await suite.api.admin.get(`/v3/apps/${guid}/routes`)).body.resources.map((route: { url: string }) => route.url);
  const manifestOf = async (guid: string): Promise<string> =>
    (await suite.api.admin.get(`/v3/apps/${guid}/manifest`)).text;
  return { name, post, apply, jobOf, applied, failed, appNamed, routesOf, manifestOf };
}
