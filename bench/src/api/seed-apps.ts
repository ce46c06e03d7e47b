import { publishMessage } from '@slipway/bus';
import { type StagingResult, stagingResult } from '@slipway/contracts';
import type { ApiPlatform } from './api-platform.ts';
import { type HttpClient, inParallel } from './http-client.ts';

const WIDTH = 8;
/** Of the spaces: one whose only member is no admin, and one like it for as many others. */
export const OWN_APPS = 100;
export const MEMBER = { username: 'member', password: 'member' } as const;

export interface Tenancy {
  /** The member's: with OWN_APPS apps, however many there are elsewhere. */
  readonly organization: string;
  /** The member's only one. */
  readonly ownSpace: string;
  /** With all the other apps. */
  readonly largeOrganization: string;
  /** Of the large organization, with half of its apps. */
  readonly largeSpace: string;
  /** Of app `n` of the rest, OWN_APPS to each. */
  smallSpace(n: number): Promise<string>;
}

export async function createTenancy(platform: ApiPlatform, admin: HttpClient): Promise<Tenancy> {
  const to = (guid: string) => ({ data: { guid } });
  const organizationNamed = async (name: string): Promise<string> =>
    (await admin.json('POST', '/v3/organizations', { name })).guid;
  const [organization, largeOrganization] = [await organizationNamed('own'), await organizationNamed('large')];
  const space = async (name: string, within: string): Promise<string> => {
    const relationships = { organization: to(within) };
    return (await admin.json('POST', '/v3/spaces', { name, relationships })).guid;
  };
  const [ownSpace, largeSpace] = [await space('own', organization), await space('large', largeOrganization)];
  const small = new Map<number, Promise<string>>();
  const guid = await platform.createUser(MEMBER.username, MEMBER.password);
  await admin.json('POST', '/v3/users', { guid });
  const user = to(guid);
  const roles = [
    { type: 'organization_user', relationships: { user, organization: to(organization) } },
    { type: 'space_developer', relationships: { user, space: to(ownSpace) } },
  ];
  for (const role of roles) await admin.json('POST', '/v3/roles', role);
  return {
    organization,
    ownSpace,
    largeOrganization,
    largeSpace,
    smallSpace: (n) => {
      const which = Math.floor(n / (2 * OWN_APPS));
      const made = small.get(which) ?? space(`small-${which}`, largeOrganization);
      small.set(which, made);
      return made;
    },
  };
}

/** Apps `from` to `to` - 1, each with labels and a little environment; the first of them in the member's space. */
export async function createApps(admin: HttpClient, tenancy: Tenancy, from: number, to: number): Promise<void> {
  await inParallel(to - from, WIDTH, async (offset) => {
    const n = from + offset;
    const space = n < OWN_APPS ? tenancy.ownSpace : n % 2 === 0 ? tenancy.largeSpace : await tenancy.smallSpace(n);
    await admin.json('POST', '/v3/apps', {
      name: `app-${n}`,
      lifecycle: { type: 'docker', data: {} },
      environment_variables: { NUMBER: String(n), PADDING: 'x'.repeat(500) },
      metadata: { labels: { all: 'yes', tenth: String(n % 10), one: String(n) }, annotations: { note: `number ${n}` } },
      relationships: { space: { data: { guid: space } } },
    });
  });
}

/** Gives an app a droplet, as a stager would, and a route, and starts it. */
export async function runApp(platform: ApiPlatform, admin: HttpClient, space: string, name: string): Promise<string> {
  const { resources } = await admin.json('GET', `/v3/apps?names=${name}&space_guids=${space}`);
  const app = { data: { guid: resources[0].guid as string } };
  const data = { image: 'registry.example/team/app:1' };
  const pack = await admin.json('POST', '/v3/packages', { type: 'docker', relationships: { app }, data });
  const build = await admin.json('POST', '/v3/builds', { package: { guid: pack.guid } });
  await publishMessage(platform.stager, stagingResult, staged(build.guid));
  let droplet: string | undefined;
  while (droplet === undefined) {
    const now = await admin.json('GET', `/v3/builds/${build.guid}`);
    if (now.state === 'FAILED') throw new Error(`the build failed: ${now.error}`);
    droplet = now.droplet?.guid;
  }
  await admin.json('PATCH', `/v3/apps/${app.data.guid}/relationships/current_droplet`, { data: { guid: droplet } });
  const domains = await admin.json('GET', '/v3/domains');
  const relationships = { space: { data: { guid: space } }, domain: { data: { guid: domains.resources[0].guid } } };
  const route = await admin.json('POST', '/v3/routes', { host: name, relationships });
  await admin.json('POST', `/v3/routes/${route.guid}/destinations`, {
    destinations: [{ app: { guid: app.data.guid } }],
  });
  await admin.json('POST', `/v3/apps/${app.data.guid}/actions/start`);
  return app.data.guid;
}

function staged(buildGuid: string): StagingResult {
  const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
  const media = 'application/vnd.oci.image';
  return {
    outcome: 'staged',
    buildGuid,
    image: {
      reference: 'registry.example/team/app:1',
      registry: 'registry.example',
      repository: 'team/app',
      manifestDigest: digest('a'),
      mediaType: `${media}.manifest.v1+json`,
      platform: { os: 'linux', architecture: 'amd64' },
      config: { digest: digest('b'), size: 1_234 },
      layers: [{ digest: digest('c'), diffId: digest('d'), size: 5_678, mediaType: `${media}.layer.v1.tar+gzip` }],
    },
    execution: {
      entrypoint: ['/bin/server'],
      cmd: [],
      env: ['PATH=/bin'],
      workdir: '/',
      user: '',
      ports: [{ port: 8080, protocol: 'tcp' }],
    },
    durationMs: 1,
  };
}
