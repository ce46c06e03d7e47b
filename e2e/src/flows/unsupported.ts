import { type Flow, inOwnSpace } from '../cli/flow.ts';

/** What Slipway does not do says so at once, and what to do instead. */
export const unsupported: Flow = {
  name: 'unsupported',
  run: async (session) => {
    const { images, name } = session;
    const admin = await inOwnSpace(session);
    await session.write('vars.yml', `run: ${name('x').slice(0, -2)}\nimage: ${images.good}\n`);
    const instead = { status: 1, says: [/docker-image|images|--docker-image/i] };
    await admin.cf(['push', name('source')], instead);
    await admin.cf(['push', '-f', 'buildpack.yml', '--vars-file', 'vars.yml'], instead);
    await admin.cf(['push', name('source'), '-b', 'nodejs_buildpack'], instead);
    await admin.cf(['create-app', name('source')], { says: ['OK'] });
    await admin.cf(['buildpacks'], { says: ['No buildpacks found'] });
    await admin.cf(['create-buildpack', name('buildpack'), '.', '1'], { status: 1 });
    await admin.cf(['delete-buildpack', name('buildpack'), '-f'], { says: ['not found'] });
    await admin.cf(['stacks'], { says: ['No stacks found'] });
    await admin.cf(['stack', 'cflinuxfs4'], { status: 1, says: ['not found'] });
    await admin.cf(['marketplace'], { says: ['No service offerings found'] });
    await admin.cf(['create-service', 'postgres', 'small', name('database')], {
      status: 1,
      says: [/could not be found/],
    });
    await admin.cf(['service-brokers'], { says: ['No service brokers found'] });
    await admin.cf(['create-service-broker', name('broker'), 'user', 'secret', 'http://broker.example'], {
      status: 1,
      says: ['create-user-provided-service'],
    });
    await admin.cf(['service-access'], { says: [/No service/] });
    await admin.cf(['router-groups'], { says: ['No router groups found'] });
    await admin.cf(['create-shared-domain', name('tcp.example'), '--router-group', 'default-tcp'], { status: 1 });
    await admin.cf(['create-user-provided-service', name('proxy'), '-r', 'https://proxy.example'], {
      status: 1,
      says: ['not supported'],
    });
    await admin.cf(['create-user-provided-service', name('proxy')]);
    await admin.cf(['create-route', 'apps.localhost', '-n', name('host')]);
    await admin.cf(['bind-route-service', 'apps.localhost', '-n', name('host'), name('proxy')], { status: 1 });
    await admin.cf(['push', name('web'), '-o', images.good, '-m', '64M', '--no-start']);
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};
