import { randomUUID } from 'node:crypto';
import type { StagingResult } from '@slipway/contracts';
import type { Client } from './client.ts';

/** An organization with one space. */
export async function createSpace(
  client: Client,
  name = `space-${randomUUID().slice(0, 8)}`,
): Promise<{ readonly organizationGuid: string; readonly spaceGuid: string }> {
  const organization = await client.post('/v3/organizations', { name: `org-of-${name}` });
  const organizationGuid: string = organization.body.guid;
  const space = await client.post('/v3/spaces', {
    name,
    relationships: { organization: { data: { guid: organizationGuid } } },
  });
  return { organizationGuid, spaceGuid: space.body.guid };
}

export async function createApp(
  client: Client,
  spaceGuid: string,
  name = `app-${randomUUID().slice(0, 8)}`,
  more: Record<string, unknown> = {},
): Promise<string> {
  const answer = await client.post('/v3/apps', {
    name,
    lifecycle: { type: 'docker', data: {} },
    relationships: { space: { data: { guid: spaceGuid } } },
    ...more,
  });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body.guid;
}

export async function createPackage(
  client: Client,
  appGuid: string,
  data: Record<string, unknown> = { image: 'registry.test:5000/team/app:1' },
): Promise<string> {
  const answer = await client.post('/v3/packages', {
    type: 'docker',
    relationships: { app: { data: { guid: appGuid } } },
    data,
  });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body.guid;
}

export async function createBuild(client: Client, packageGuid: string): Promise<string> {
  const answer = await client.post('/v3/builds', { package: { guid: packageGuid } });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body.guid;
}

export async function createRoute(client: Client, spaceGuid: string, host: string): Promise<string> {
  const domains = await client.get('/v3/domains');
  const answer = await client.post('/v3/routes', {
    host,
    relationships: { space: { data: { guid: spaceGuid } }, domain: { data: { guid: domains.body.resources[0].guid } } },
  });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body.guid;
}

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
type Staged = Extract<StagingResult, { outcome: 'staged' }>;

/** What a stager answers for an image with two ports. */
export function stagedResult(buildGuid: string, execution: Partial<Staged['execution']> = {}): Staged {
  return {
    outcome: 'staged',
    buildGuid,
    image: {
      reference: 'registry.test:5000/team/app:1',
      registry: 'registry.test:5000',
      repository: 'team/app',
      manifestDigest: digest('a'),
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      platform: { os: 'linux', architecture: 'amd64' },
      config: { digest: digest('b'), size: 1234 },
      layers: [
        {
          digest: digest('c'),
          diffId: digest('d'),
          size: 5678,
          mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        },
      ],
    },
    execution: {
      entrypoint: ['/bin/server'],
      cmd: ['--dir', '/www'],
      env: ['PATH=/bin', 'GREETING=hello world'],
      workdir: '/www',
      user: 'app',
      ports: [
        { port: 8080, protocol: 'tcp' },
        { port: 9090, protocol: 'tcp' },
        { port: 53, protocol: 'udp' },
      ],
      ...execution,
    },
    durationMs: 12,
  };
}
