import { type Actor, type Flow, inOwnSpace } from '../cli/flow.ts';

/** Users and what their roles let them see and do: a `CF_HOME` each. */
export const roles: Flow = {
  name: 'roles',
  run: async (session) => {
    const { images, name, platformUrl } = session;
    const admin = await inOwnSpace(session);
    const [org, space, app] = [name('org'), name('space'), name('web')];
    const login = async (who: string, ...target: readonly string[]): Promise<Actor> => {
      const actor = session.actor(who);
      await actor.cf(['api', platformUrl]);
      await actor.cf(['auth', name(who), session.password(who)]);
      if (target.length > 0) await actor.cf(['target', ...target]);
      return actor;
    };
    for (const who of ['developer', 'auditor', 'manager', 'stranger']) {
      await admin.cf(['create-user', name(who), session.password(who)]);
    }
    await admin.cf(['set-space-role', name('developer'), org, space, 'SpaceDeveloper']);
    await admin.cf(['set-space-role', name('auditor'), org, space, 'SpaceAuditor']);
    await admin.cf(['set-org-role', name('manager'), org, 'OrgManager']);
    await admin.cf(['set-org-role', name('manager'), org, 'OrgAuditor']);
    await admin.cf(['set-org-role', name('manager'), org, 'BillingManager']);
    await admin.cf(['set-space-role', name('manager'), org, space, 'SpaceManager']);
    await admin.cf(['set-space-role', name('manager'), org, space, 'SpaceSupporter']);
    await admin.cf(['set-org-role', name('nobody'), org, 'OrgManager'], { status: 1, says: [/nobody/] });
    await admin.cf(['set-org-role', name('manager'), org, 'OrgManager'], { says: ['OK'] });
    await admin.cf(['org-users', org], { says: [name('manager')] });
    await admin.cf(['org-users', org, '--all-users'], { says: [name('developer')] });
    await admin.cf(['space-users', org, space], { says: [name('developer'), name('auditor')] });

    const developer = await login('developer', '-o', org, '-s', space);
    await developer.cf(['push', app, '-o', images.good, '-m', '64M'], { says: [/1\/1/] });
    await developer.cf(['env', app], { says: ['VCAP_APPLICATION'] });
    await developer.cf(['create-space', name('more')], { status: 1, says: ['not authorized'] });
    await developer.cf(['create-org', name('more')], { status: 1, says: ['not authorized'] });
    await developer.cf(['create-user', name('more'), 'secret'], { status: 1 });
    await developer.cf(['disable-feature-flag', 'user_org_creation'], { status: 1, says: ['not authorized'] });
    await developer.cf(['create-shared-domain', name('more.example')], { status: 1, says: ['not authorized'] });

    const auditor = await login('auditor', '-o', org, '-s', space);
    await auditor.cf(['app', app], { says: [/1\/1/] });
    await auditor.cf(['apps'], { says: [app] });
    await auditor.cf(['stop', app], { status: 1, says: ['not authorized'] });
    await auditor.cf(['scale', app, '-i', '2'], { status: 1, says: ['not authorized'] });
    await auditor.cf(['env', app], { status: 1, says: ['not authorized'] });
    await auditor.cf(['delete', app, '-f'], { status: 1, says: ['not authorized'] });
    await auditor.cf(['push', name('mine'), '-o', images.good], { status: 1, says: ['not authorized'] });

    const manager = await login('manager', '-o', org, '-s', space);
    await manager.cf(['create-space', name('managed')], { says: ['OK'] });
    await manager.cf(['stop', app], { says: ['OK'] });
    await manager.cf(['start', app]);

    const stranger = await login('stranger');
    await stranger.cf(['orgs'], { says: ['No orgs found'] });
    await stranger.cf(['target', '-o', org], { status: 1, says: ['not found'] });
    await stranger.cf(['curl', '/v3/apps'], { hides: [app] });

    await admin.cf(['unset-space-role', name('developer'), org, space, 'SpaceDeveloper']);
    await developer.cf(['app', app], { status: 1, says: ['not found'] });
    await admin.cf(['unset-org-role', name('manager'), org, 'OrgManager']);
    await admin.cf(['unset-org-role', name('manager'), org, 'OrgManager'], { says: ['OK'] });
    await manager.cf(['rename-org', org, name('taken')], { status: 1 });
    for (const who of ['developer', 'auditor', 'manager', 'stranger']) await admin.cf(['delete-user', name(who), '-f']);
    await admin.cf(['delete-org', org, '-f']);
  },
};
