import { z } from 'zod';
import { expectEnvironment } from '../cli/expectations.ts';
import { type Flow, type FlowSession, inOwnSpace } from '../cli/flow.ts';

/** User-provided services, from their making to what the app sees of them. */
export const services: Flow = {
  name: 'services',
  run: async (session) => {
    const { images, name } = session;
    const admin = await inOwnSpace(session);
    const [app, database, queue] = [name('app'), name('database'), name('queue')];
    await session.write('vars.yml', `run: ${name('x').slice(0, -2)}\nimage: ${images.good}\n`);
    await admin.cf(['services'], { says: ['No service instances found'] });
    await admin.cf(
      ['create-user-provided-service', database, '-p', '{"uri":"postgres://somewhere"}', '-t', 'sql, main'],
      {
        says: ['OK'],
      },
    );
    await admin.cf(['create-user-provided-service', queue], { says: ['OK'] });
    await admin.cf(['create-user-provided-service', database], { says: ['already exists'] });
    await admin.cf(['push', '-f', 'services.yml', '--vars-file', 'vars.yml']);
    await expectEnvironment(session, app, /^VCAP_SERVICES=.*postgres:\/\/somewhere/m);
    await admin.cf(['services'], { says: [database, 'user-provided', app] });
    await admin.cf(['service', database], { says: [/user-provided/] });
    await admin.cf(['service', database, '--guid'], { says: [/[0-9a-f-]{36}/] });
    await admin.cf(['bind-service', app, database], { says: ['already bound'] });
    await admin.cf(['update-user-provided-service', database, '-p', '{"uri":"postgres://elsewhere"}', '-t', 'sql'], {
      says: ['OK'],
    });
    await admin.cf(['rename-service', database, name('renamed')], { says: ['OK'] });
    await admin.cf(['unbind-service', app, name('renamed')], { says: ['OK'] });
    await admin.cf(['unbind-service', app, queue]);
    await admin.cf(['unbind-service', app, queue], { says: [/does not exist/] });
    await admin.cf(['bind-service', app, name('renamed'), '--binding-name', 'main-database']);
    await admin.cf(['restart', app]);
    await expectEnvironment(session, app, /^VCAP_SERVICES=.*main-database.*elsewhere/m);
    await admin.cf(['env', app], { says: ['postgres://elsewhere'] });
    const { guid } = await appOf(session, app);
    const feature = `/v3/apps/${guid}/features/file-based-vcap-services`;
    await admin.cf(['curl', feature, '-X', 'PATCH', '-d', '{"enabled":true}'], { says: ['"enabled":true'] });
    await admin.cf(['restart', app]);
    await expectEnvironment(session, app, /^VCAP_SERVICES_FILE_PATH=/m);
    // With what is bound to it.
    await admin.cf(['delete-service', name('renamed'), '-f'], { says: ['OK'] });
    await admin.cf(['delete-service', queue, '-f']);
    await admin.cf(['delete-service', queue, '-f'], { says: ['did not exist'] });
    await admin.cf(['bind-service', app, queue], { status: 1, says: ['not found'] });
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};

async function appOf({ api }: FlowSession, app: string): Promise<{ guid: string }> {
  const found = await api.call(
    'GET',
    `/v3/apps?names=${app}`,
    z.object({ resources: z.array(z.object({ guid: z.string() })) }),
  );
  const [first] = found.resources;
  if (first === undefined) throw new Error(`there is no app ${app}`);
  return first;
}

/** Keys of user-provided services are refused on Cloud Foundry, too. */
export const serviceKeys: Flow = {
  name: 'service-keys',
  run: async (session) => {
    const { name } = session;
    const admin = await inOwnSpace(session);
    await admin.cf(['create-user-provided-service', name('database'), '-p', '{"uri":"postgres://somewhere"}']);
    await admin.cf(['create-service-key', name('database'), 'key'], { status: 1, says: [/user-provided/] });
    await admin.cf(['service-keys', name('database')], { says: [/No service keys/] });
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};
