import { expectEnvironment, expectStatus } from '../cli/expectations.ts';
import { type Flow, inOwnSpace } from '../cli/flow.ts';

/** apps, app, start, stop, restart, restage, restart-app-instance, scale, rename, delete. */
export const lifeCycle: Flow = {
  name: 'life-cycle',
  run: async (session) => {
    const { images, name } = session;
    const admin = await inOwnSpace(session);
    const [app, renamed] = [name('web'), name('renamed')];
    await admin.cf(['apps'], { says: ['No apps found'] });
    await admin.cf(['create-app', app, '--app-type', 'docker']);
    await admin.cf(['create-app', app, '--app-type', 'docker'], { says: ['already exists'] });
    await admin.cf(['app', app], { says: [/requested state:\s+stopped/] });
    await admin.cf(['start', app], { status: 1 });
    await admin.cf(['push', app, '-o', images.good, '-m', '64M']);
    await admin.cf(['apps'], { says: [/started\s+web:1\/1/] });
    await admin.cf(['app', app], { says: [/#0\s+running/, /memory usage:\s+64M/] });
    await admin.cf(['app', app, '--guid'], { says: [/[0-9a-f-]{36}/] });
    await admin.cf(['scale', app, '-i', '3'], { says: [/3\/3|[12]\/3/] });
    await admin.cf(['scale', app], { says: [/memory usage:\s+64M/] });
    await admin.cf(['restart-app-instance', app, '1']);
    await admin.cf(['restart-app-instance', app, '0', '--process', 'web']);
    await admin.cf(['restart-app-instance', app, '7'], { status: 1, says: [/[Ii]nstance 7|not found/] });
    await admin.cf(['scale', app, '-i', '1', '-m', '80M', '-k', '256M', '-l', '1M', '-f'], { says: [/80M/] });
    await admin.cf(['stop', app]);
    await expectStatus(session, app, 404);
    await admin.cf(['stop', app], { says: ['already stopped'] });
    await admin.cf(['start', app], { says: [/1\/1/] });
    await admin.cf(['start', app], { says: ['already started'] });
    await admin.cf(['restart', app], { says: [/1\/1/] });
    await admin.cf(['restage', app], { says: [/1\/1/] });
    await admin.cf(['restart', app, '--strategy', 'rolling', '--no-wait']);
    await expectStatus(session, app, 200);
    await admin.cf(['rename', app, renamed]);
    await admin.cf(['app', app], { status: 1, says: [`App '${app}' not found`] });
    await admin.cf(['app', renamed], { says: [`${app}.apps.localhost`] });
    await admin.cf(['delete', renamed, '-f', '-r']);
    await admin.cf(['delete', renamed, '-f'], { says: ['does not exist'] });
    await admin.cf(['routes'], { says: ['No routes found'] });
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};

/** env, set-env, unset-env; health checks; who may log in; events; labels of the app. */
export const settings: Flow = {
  name: 'settings',
  run: async (session) => {
    const { images, name } = session;
    const admin = await inOwnSpace(session);
    const app = name('web');
    await admin.cf(['push', app, '-o', images.good, '-m', '64M']);
    await admin.cf(['set-env', app, 'GREETING', 'changed by set-env'], { hides: ['changed by set-env'] });
    await admin.cf(['set-env', app, 'OTHER', '1']);
    await admin.cf(['env', app], { says: [/GREETING:\s+changed by set-env/, 'VCAP_APPLICATION'] });
    await admin.cf(['restart', app]);
    await expectEnvironment(session, app, /^GREETING=changed by set-env$/m);
    await admin.cf(['unset-env', app, 'GREETING']);
    await admin.cf(['unset-env', app, 'NOT_THERE'], { says: ['was not set'] });
    await admin.cf(['env', app], { hides: ['changed by set-env'] });
    await admin.cf(['set-env', app, 'VCAP_NOT_YOURS', '1'], { status: 1 });

    await admin.cf(['get-health-check', app], { says: [/web\s+port/] });
    await admin.cf(['get-readiness-health-check', app], { says: [/web\s+process/] });
    await admin.cf(['set-health-check', app, 'http', '--endpoint', '/version.txt', '--invocation-timeout', '5']);
    await admin.cf(['get-health-check', app], { says: [/web\s+http\s+\/version.txt\s+5/] });
    await admin.cf(['set-health-check', app, 'process', '--process', 'web']);
    await admin.cf(['set-health-check', app, 'port']);
    await admin.cf(['set-health-check', app, 'magic'], { status: 1 });

    await admin.cf(['ssh-enabled', app], { says: ['ssh support is enabled'] });
    await admin.cf(['disable-ssh', app]);
    await admin.cf(['ssh-enabled', app], { says: [/disabled/] });
    await admin.cf(['disable-ssh', app], { says: [/already disabled/] });
    await admin.cf(['enable-ssh', app]);
    await admin.cf(['space-ssh-allowed', name('space')], { says: [/enabled/] });
    await admin.cf(['disallow-space-ssh', name('space')]);
    await admin.cf(['ssh-enabled', app], { says: [/disabled/] });
    await admin.cf(['allow-space-ssh', name('space')]);
    await admin.cf(['ssh-enabled', app], { says: ['ssh support is enabled'] });

    await admin.cf(['set-label', 'app', app, 'tier=front', 'team=blue']);
    await admin.cf(['labels', 'app', app], { says: [/tier\s+front/, /team\s+blue/] });
    await admin.cf(['apps', '--labels', 'tier=front,team!=red'], { says: [app] });
    await admin.cf(['apps', '--labels', 'tier=back'], { says: ['No apps found'] });
    await admin.cf(['apps', '--labels', 'tier in ('], { status: 1 });
    await admin.cf(['unset-label', 'app', app, 'team']);
    await admin.cf(['labels', 'app', app], { hides: ['blue'] });
    await admin.cf(['create-shared-domain', name('labels.example')]);
    for (const [kind, thing] of [
      ['space', name('space')],
      ['org', name('org')],
      ['domain', 'apps.localhost'],
    ] as const) {
      await admin.cf(['set-label', kind, thing, `${kind}-label=${name('x')}`]);
      await admin.cf(['labels', kind, thing], { says: [name('x')] });
      await admin.cf(['unset-label', kind, thing, `${kind}-label`]);
    }
    await admin.cf(['delete-shared-domain', name('labels.example'), '-f']);
    await admin.cf(['set-label', 'route', `${app}.apps.localhost`, 'tier=front']);
    await admin.cf(['labels', 'route', `${app}.apps.localhost`], { says: [/tier\s+front/] });
    await admin.cf(['orgs', '--labels', 'nobody=has'], { says: ['No orgs found'] });
    await admin.cf(['spaces', '--labels', 'nobody=has'], { says: ['No spaces found'] });
    await admin.cf(['routes', '--labels', 'tier=front'], { says: [app] });
    await admin.cf(['domains', '--labels', 'nobody=has'], { says: ['No domains found'] });
    await admin.cf(['set-label', 'app', app, 'no good key=1'], { status: 1 });

    await admin.cf(['events', app], { says: ['audit.app.create', 'admin'] });
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};
