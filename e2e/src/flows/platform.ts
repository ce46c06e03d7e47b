import { expectEnvironment } from '../cli/expectations.ts';
import { type Flow, inOwnSpace } from '../cli/flow.ts';

/** What holds for the whole platform: feature flags, groups of environment variables; and curl. */
export const platformSettings: Flow = {
  name: 'platform-settings',
  run: async (session) => {
    const { images, name } = session;
    const admin = await inOwnSpace(session);
    await admin.cf(['feature-flags'], { says: ['diego_docker', 'user_org_creation'] });
    await admin.cf(['feature-flag', 'user_org_creation'], { says: ['disabled'] });
    await admin.cf(['enable-feature-flag', 'user_org_creation'], { says: ['OK'] });
    await admin.cf(['disable-feature-flag', 'user_org_creation'], { says: ['OK'] });
    await admin.cf(['feature-flag', 'no_such_flag'], { status: 1, says: ['not found'] });
    await admin.cf(['running-environment-variable-group']);
    await admin.cf(['set-running-environment-variable-group', '{"EVERYONE_SEES":"this"}']);
    await admin.cf(['running-environment-variable-group'], { says: [/EVERYONE_SEES\s+this/] });
    await admin.cf(['push', name('web'), '-o', images.good, '-m', '64M']);
    await expectEnvironment(session, name('web'), /^EVERYONE_SEES=this$/m);
    await admin.cf(['set-running-environment-variable-group', '{}']);
    await admin.cf(['set-staging-environment-variable-group', '{"STAGED_WITH":"this"}']);
    await admin.cf(['staging-environment-variable-group'], { says: ['STAGED_WITH'] });
    await admin.cf(['set-staging-environment-variable-group', '{}']);
    await admin.cf(['curl', '/v3/info'], { says: ['"links"'] });
    await admin.cf(['curl', '/v3/apps', '-X', 'POST', '-d', '{"name":1}'], { says: ['"errors"'] });
    await admin.cf(['curl', '/v3/apps', '-X', 'POST', '-d', 'not json'], { says: ['"errors"'] });
    await admin.cf(['curl', '/v3/organizations', '-d', `{"name":"${name('curled')}"}`], { says: [name('curled')] });
    const mine = `/v3/apps?names=${name('web')}`;
    await admin.cf(['curl', `${mine}&include=space.organization&order_by=-created_at&per_page=1`], {
      says: ['"included"'],
    });
    await admin.cf(['curl', `${mine}&created_ats[gt]=2020-01-01T00:00:00Z&label_selector=!nothing`], {
      says: [name('web')],
    });
    await admin.cf(['curl', `${mine}&created_ats[lt]=2020-01-01T00:00:00Z`], { says: ['"total_results":0'] });
    await admin.cf(['curl', '/v3/apps?order_by=colour'], { says: ['CF-BadQueryParameter'] });
    await admin.cf(['curl', '/v3/apps?no_such_filter=1'], { says: ['CF-BadQueryParameter'] });
    await admin.cf(['curl', '/v3/organizations', '-d', '{"name":"x","colour":"red"}'], { says: ['Unknown field'] });
    await admin.cf(['curl', '/v3/no_such_thing', '--fail'], { status: 22 });
    await admin.cf(['curl', '/v3/no_such_thing'], { says: ['Unknown request'] });
    await admin.cf(['delete-org', name('curled'), '-f']);
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};
