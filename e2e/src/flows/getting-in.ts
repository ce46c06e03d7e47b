import { z } from 'zod';
import { type Flow, loggedIn } from '../cli/flow.ts';

/** Of the suite's tokens, which live for 75 s. */
const RENEWED_AFTER_MS = 17_000;

/** api, auth, login, logout, target, oauth-token, passwd, client credentials. */
export const gettingIn: Flow = {
  name: 'getting-in',
  run: async (session) => {
    const { admin, platformUrl, name, api } = session;
    await loggedIn(session);
    const began = performance.now();
    await admin.cf(['create-org', name('org')]);
    await admin.cf(['create-space', name('space'), '-o', name('org')]);
    await admin.cf(['target'], { says: ['admin'] });
    await admin.cf(['target', '-o', name('org')], { says: [name('org'), name('space')] });
    await admin.cf(['target', '-o', name('org'), '-s', name('space')]);
    await admin.cf(['target', '-o', name('nowhere')], { status: 1, says: ['not found'] });
    const firstToken = await admin.cf(['oauth-token'], { says: ['bearer '] });

    const user = session.actor('user');
    const [first, second] = [session.password('first'), session.password('second')];
    await admin.cf(['create-user', name('user'), first]);
    await admin.cf(['create-user', name('user'), first], { says: ['already exists'] });
    await admin.cf(['set-space-role', name('user'), name('org'), name('space'), 'SpaceDeveloper']);
    await user.cf(['api', platformUrl]);
    await user.cf(['login', '-u', name('user'), '-p', first], { says: [name('org'), name('space')] });
    await user.cf(['passwd'], { input: [first, second, second] });
    await user.cf(['auth', name('user'), first], { status: 1, says: ['Credentials were rejected'] });
    await user.cf(['auth', name('user'), second]);
    await user.cf(['logout']);
    await user.cf(['apps'], { status: 1, says: ['Not logged in'] });
    await user.cf([
      'login',
      '-a',
      platformUrl,
      '-u',
      name('user'),
      '-p',
      second,
      '-o',
      name('org'),
      '-s',
      name('space'),
    ]);
    await user.cf(['login', '-a', platformUrl], { input: [name('user'), second], says: ['Targeted'] });

    const client = session.actor('client');
    const secret = session.password('client');
    await api.call('POST', '/uaa/oauth/clients', z.unknown(), {
      client_id: name('client'),
      client_secret: secret,
      authorized_grant_types: ['client_credentials'],
      authorities: ['cloud_controller.admin', 'cloud_controller.read', 'cloud_controller.write'],
      scope: ['uaa.none'],
    });
    await client.cf(['api', platformUrl]);
    await client.cf(['auth', name('client'), secret, '--client-credentials']);
    await client.cf(['orgs'], { says: [name('org')] });
    await client.cf(['auth', name('client'), `${secret}x`, '--client-credentials'], { status: 1 });

    // The CLI renews a token with less than a minute left.
    await session.eventually('the token is due', async () => {
      if (performance.now() < began + RENEWED_AFTER_MS) throw new Error('not yet');
    });
    const secondToken = await admin.cf(['oauth-token'], { says: ['bearer '] });
    await session.check('the token is another one', async () => {
      if (!session.recorded && secondToken.output === firstToken.output) throw new Error('it is the same');
    });

    await admin.cf(['delete-user', name('user'), '-f']);
    await admin.cf(['delete-user', name('user'), '-f'], { says: ['does not exist'] });
    await admin.cf(['delete-org', name('org'), '-f']);
    await admin.cf(['logout']);
  },
};
