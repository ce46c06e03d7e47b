import { expectStatus, hostOf } from '../cli/expectations.ts';
import { type Flow, inOwnSpace } from '../cli/flow.ts';

/** `cf push` with its flags, one app each where they exclude one another. */
export const pushFlags: Flow = {
  name: 'push-flags',
  run: async (session) => {
    const { images, name } = session;
    const admin = await inOwnSpace(session);
    const web = name('web');
    await admin.cf(['push', web, '-o', images.good, '-i', '2', '-m', '64M', '-k', '128M'], {
      says: [/instances:\s+[12]\/2/, 'docker image'],
    });
    await expectStatus(session, web, 200);
    await admin.cf(['push', web, '--docker-image', images.other, '--no-wait'], { says: [web] });
    await admin.cf(['push', web, '-o', images.good, '-u', 'http', '--endpoint', '/version.txt', '-t', '90'], {});
    await admin.cf(['push', web, '-o', images.good, '--app-start-timeout', '90', '-l', '64K'], {});
    await admin.cf(['push', web, '-o', images.good, '-c', 'serve www', '-u', 'process'], { says: ['serve www'] });
    await admin.cf(['push', web, '-o', images.good, '-c', 'null', '-u', 'port']);
    await admin.cf(['push', name('random'), '-o', images.good, '-m', '64M', '--random-route'], {
      says: [new RegExp(`${name('random')}-\\w+-\\w+-\\w+\\.apps\\.localhost`)],
    });
    await admin.cf(['push', name('silent'), '-o', images.good, '-m', '64M', '--no-route'], { hides: ['silent.apps'] });
    await expectStatus(session, name('silent'), 404);
    await admin.cf(['push', name('later'), '-o', images.good, '-m', '64M', '--no-start'], { says: [/stopped/] });
    await expectStatus(session, name('later'), 404);
    await admin.cf(['start', name('later')], { says: [/1\/1/] });
    await expectStatus(session, name('later'), 200);
    await admin.cf(['push', name('job'), '-o', images.good, '-m', '64M', '--task'], { says: [/stopped/] });
    await admin.cf(['push', name('nothing'), '-o', `${images.good}-no-such-tag`, '-m', '64M'], {
      status: 1,
      says: [/no-such-tag/],
    });
    await admin.cf(['push', name('broken'), '-o', images.broken, '-m', '64M', '-u', 'process'], {
      status: 1,
      says: [/Start unsuccessful|crashed/],
    });
    await session.check('an app of the flow has its own host', async () => {
      const answer = await session.api.fetch(hostOf(web), '/');
      if (!answer.body.includes('hello from Slipway')) throw new Error(answer.body);
    });
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};

/** From registries that want a name and a password. */
export const pushGuarded: Flow = {
  name: 'push-guarded',
  run: async (session) => {
    const { images, name } = session;
    const admin = await inOwnSpace(session);
    await admin.cf(['push', name('web'), '-o', images.guarded, '-m', '64M'], {
      status: 1,
      says: [/denied|401|unauthorized/i],
    });
    await admin.cf(['push', name('web'), '-o', images.guarded, '--docker-username', images.guardedUser, '-m', '64M'], {
      env: { CF_DOCKER_PASSWORD: images.guardedPassword },
      says: [/1\/1/],
      hides: [images.guardedPassword],
    });
    await expectStatus(session, name('web'), 200);
    await admin.cf(['push', name('web'), '-o', images.guarded, '--docker-username', images.guardedUser], {
      env: { CF_DOCKER_PASSWORD: 'wrong' },
      status: 1,
    });
    await expectStatus(session, name('web'), 200);
    await admin.cf(['packages', name('web')], { hides: [images.guardedPassword] });
    await admin.cf(['delete', name('web'), '-f', '-r']);
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};
