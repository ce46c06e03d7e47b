import { expectEnvironment, expectStatus } from '../cli/expectations.ts';
import { type Actor, type Flow, type FlowSession, inOwnSpace } from '../cli/flow.ts';

const variables = async (session: FlowSession): Promise<void> =>
  session.write('vars.yml', `run: ${session.name('x').slice(0, -2)}\nimage: ${session.images.good}\n`);

/** Manifests with several apps, variables, what is wrong with some. */
export const pushManifests: Flow = {
  name: 'push-manifests',
  run: async (session) => {
    const { name, images } = session;
    const admin = await inOwnSpace(session);
    await variables(session);
    const run = `run=${name('x').slice(0, -2)}`;
    await admin.cf(['push', '-f', 'two-apps.yml', '--vars-file', 'vars.yml'], { says: [name('front'), name('back')] });
    await expectStatus(session, name('front'), 200);
    await expectEnvironment(session, name('front'), /^GREETING=from /m);
    await admin.cf(['push', name('back'), '-f', 'two-apps.yml', '--var', run, '--var', `image=${images.other}`]);
    await admin.cf(['push', '-f', 'two-apps.yml', '--vars-file', 'vars.yml', '--no-start']);
    await admin.cf(['push', name('front'), '-f', 'two-apps.yml', '--vars-file', 'vars.yml', '-i', '1', '--no-route']);
    await expectStatus(session, name('front'), 404);
    await admin.cf(['push', '-f', 'two-apps.yml'], { status: 1, says: [/\(\(|Expected to find variables/] });
    await session.write('not-yaml.yml', '---\napplications: [\n');
    await admin.cf(['push', '-f', 'not-yaml.yml'], { status: 1 });
    await admin.cf(['push', '-f', 'wrong-type.yml', '--vars-file', 'vars.yml'], { status: 1, says: [/[Mm]emory/] });
    await admin.cf(['push', '-f', 'unknown-domain.yml', '--vars-file', 'vars.yml'], {
      status: 1,
      says: [/no-such-domain/],
    });
    await admin.cf(
      ['push', '-f', 'two-apps.yml', '--vars-file', 'vars.yml', '--no-manifest', name('alone'), '-o', images.good],
      {
        status: 1,
      },
    );
    await admin.cf(['push', name('alone'), '-o', images.good, '-m', '64M', '--no-manifest']);
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};

/** Several processes, checks, routes, labels: the manifest that is made of the app pushes to the same. */
export const manifestRoundTrip: Flow = {
  name: 'manifest-round-trip',
  run: async (session) => {
    const { name } = session;
    const admin = await inOwnSpace(session);
    await variables(session);
    await admin.cf(['push', '-f', 'processes.yml', '--vars-file', 'vars.yml'], { says: ['background'] });
    await admin.cf(['app', name('worker')], { says: [/type:\s+background/, /type:\s+web/] });
    await expectEnvironment(session, name('worker'), /^NUMBER=42$/m);
    await admin.cf(['apply-manifest', '-f', 'space.yml', '--vars-file', 'vars.yml'], { says: ['OK'] });
    await noDifference(session, admin, name('worker'));
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};

async function noDifference(session: FlowSession, admin: Actor, app: string): Promise<void> {
  await admin.cf(['create-app-manifest', app, '-p', 'made.yml'], { says: ['OK'] });
  // The recorded CLI writes no file: then the manifest is what the API makes.
  const manifest = session.recorded ? await manifestOf(session, app) : await session.read('made.yml');
  await session.write('made.yml', manifest);
  const before = await manifestOf(session, app);
  await admin.cf(['push', '-f', 'made.yml'], { hides: [/^[+-]\s/m] });
  await session.check('the manifest made of the app pushes to the same', async () => {
    const after = await manifestOf(session, app);
    if (after !== before) throw new Error(`before:\n${before}\nafter:\n${after}`);
  });
}

async function manifestOf({ api, platformUrl }: FlowSession, app: string): Promise<string> {
  const token = await api.token();
  const get = async (path: string): Promise<string> => {
    const headers = { authorization: `bearer ${token}`, accept: 'application/json' };
    return (await api.fetch(new URL(platformUrl).hostname, path, { headers })).body;
  };
  const list = JSON.parse(await get(`/v3/apps?names=${app}`)) as { resources: { guid: string }[] };
  return get(`/v3/apps/${list.resources[0]?.guid}/manifest`);
}

/** Processes that run beside an app's own, in its container. */
export const sidecars: Flow = {
  name: 'sidecars',
  run: async (session) => {
    const { name } = session;
    const admin = await inOwnSpace(session);
    await variables(session);
    await admin.cf(['push', '-f', 'sidecars.yml', '--vars-file', 'vars.yml'], { says: [/sidecars:\s+helper/] });
    await expectStatus(session, name('main'), 200);
    await admin.cf(['app', name('main')], { says: [/sidecars:\s+helper/] });
    await noDifference(session, admin, name('main'));
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};
