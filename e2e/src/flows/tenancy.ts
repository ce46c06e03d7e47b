import { type Flow, inOwnSpace, loggedIn } from '../cli/flow.ts';

/** Organizations, spaces and their quotas. */
export const quotas: Flow = {
  name: 'quotas',
  run: async (session) => {
    const { images, name } = session;
    const admin = await inOwnSpace(session);
    const [quota, spaceQuota, app] = [name('quota'), name('space-quota'), name('web')];
    await admin.cf(['org-quotas'], { says: ['default'] });
    await admin.cf(['create-org-quota', quota, '-m', '256M', '-i', '128M', '-a', '3', '-r', '4', '-s', '2']);
    await admin.cf(['create-org-quota', quota], { says: ['already exists'] });
    await admin.cf(['org-quota', quota], { says: [/256M/] });
    await admin.cf(['set-org-quota', name('org'), quota]);
    await admin.cf(['org', name('org')], { says: [quota] });
    await admin.cf(['push', name('big'), '-o', images.good, '-m', '200M'], {
      status: 1,
      says: [/instance_memory_limit|per.process|memory/i],
    });
    await admin.cf(['push', app, '-o', images.good, '-m', '64M', '-i', '2']);
    await admin.cf(['scale', app, '-i', '4'], { status: 1, says: [/instance_limit|app_instance_limit|quota/i] });
    await admin.cf(['scale', app, '-i', '3', '-m', '100M', '-f'], { status: 1, says: [/memory/i] });
    await admin.cf(['stop', app]);
    await admin.cf(['update-org-quota', quota, '-m', '100M', '-n', name('smaller')]);
    await admin.cf(['start', app], { status: 1, says: [/memory/i] });
    await admin.cf(['update-org-quota', name('smaller'), '-m', '1G', '-i', '-1', '-a', '-1', '-r', '-1', '-s', '-1']);
    await admin.cf(['create-space-quota', spaceQuota, '-m', '80M', '-a', '1', '-r', '1']);
    await admin.cf(['space-quotas'], { says: [spaceQuota] });
    await admin.cf(['space-quota', spaceQuota], { says: [/80M/] });
    await admin.cf(['set-space-quota', name('space'), spaceQuota]);
    await admin.cf(['space', name('space')], { says: [spaceQuota] });
    await admin.cf(['start', app], { status: 1 });
    await admin.cf(['create-route', 'apps.localhost', '-n', name('more')], { status: 1, says: [/[Rr]outes/] });
    await admin.cf(['update-space-quota', spaceQuota, '-m', '512M', '-a', '-1']);
    await admin.cf(['start', app]);
    await admin.cf(['unset-space-quota', name('space'), spaceQuota]);
    await admin.cf(['delete-space-quota', spaceQuota, '-f']);
    await admin.cf(['delete-org-quota', name('smaller'), '-f'], { status: 1 });
    await admin.cf(['set-org-quota', name('org'), 'default']);
    await admin.cf(['delete-org-quota', name('smaller'), '-f']);
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};

/** orgs, org, rename-org, spaces, space, rename-space and the rest of them. */
export const tenancy: Flow = {
  name: 'tenancy',
  run: async (session) => {
    const { name } = session;
    const { admin } = session;
    await loggedIn(session);
    await admin.cf(['create-org', name('first')]);
    await admin.cf(['create-org', name('first')], { says: ['already exists'] });
    await admin.cf(['rename-org', name('first'), name('org')]);
    await admin.cf(['orgs'], { says: [name('org')] });
    await admin.cf(['org', name('org'), '--guid'], { says: [/[0-9a-f-]{36}/] });
    await admin.cf(['target', '-o', name('org')]);
    await admin.cf(['create-space', name('one')]);
    await admin.cf(['create-space', name('one')], { says: ['already exists'] });
    await admin.cf(['rename-space', name('one'), name('space')]);
    await admin.cf(['spaces'], { says: [name('space')] });
    await admin.cf(['space', name('space')], { says: [name('org')] });
    await admin.cf(['space', name('space'), '--guid']);
    await admin.cf(['org', name('org')], { says: [name('space'), 'default'] });
    await admin.cf(['delete-space', name('space'), '-f']);
    await admin.cf(['delete-space', name('space'), '-f'], { says: ['does not exist'] });
    await admin.cf(['delete-org', name('org'), '-f']);
    await admin.cf(['delete-org', name('org'), '-f'], { says: ['does not exist'] });
  },
};

/** Isolation segments: which cells an organization's apps go to. */
export const isolation: Flow = {
  name: 'isolation',
  run: async (session) => {
    const { images, name } = session;
    const admin = await inOwnSpace(session);
    const segment = name('segment');
    await admin.cf(['isolation-segments'], { says: ['shared'] });
    await admin.cf(['create-isolation-segment', segment]);
    await admin.cf(['enable-org-isolation', name('org'), segment]);
    await admin.cf(['set-space-isolation-segment', name('space'), segment]);
    await admin.cf(['space', name('space')], { says: [segment] });
    await admin.cf(['push', name('web'), '-o', images.good, '-m', '64M'], {
      status: 1,
      env: { CF_STARTUP_TIMEOUT: '0.1' },
      says: [/timeout|insufficient|no cell/i],
    });
    await admin.cf(['reset-space-isolation-segment', name('space')]);
    await admin.cf(['set-org-default-isolation-segment', name('org'), segment]);
    await admin.cf(['reset-org-default-isolation-segment', name('org')]);
    await admin.cf(['restart', name('web')]);
    await admin.cf(['disable-org-isolation', name('org'), segment]);
    await admin.cf(['delete-isolation-segment', segment, '-f']);
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};
