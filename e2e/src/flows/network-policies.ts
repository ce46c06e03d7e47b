import { type Flow, inOwnSpace } from '../cli/flow.ts';

/** What apps may reach of one another, and by which names. */
export const networkPolicies: Flow = {
  name: 'network-policies',
  run: async (session) => {
    const { images, name } = session;
    const admin = await inOwnSpace(session);
    const [org, next, front, back, far] = [name('org'), name('next'), name('front'), name('back'), name('far')];
    for (const app of [front, back]) {
      await admin.cf(['push', app, '-o', images.good, '-m', '64M', '--no-route', '--no-start']);
    }
    await admin.cf(['create-space', next]);
    await admin.cf(['target', '-s', next]);
    await admin.cf(['push', far, '-o', images.good, '-m', '64M', '--no-route', '--no-start']);
    await admin.cf(['target', '-s', name('space')]);
    await admin.cf(['map-route', back, 'apps.internal', '--hostname', name('host')], { says: ['OK'] });
    await admin.cf(['network-policies'], { hides: [/tcp/] });
    await admin.cf(['add-network-policy', front, back], { says: ['OK'] });
    await admin.cf(['add-network-policy', front, back, '--protocol', 'udp', '--port', '5000-5010'], { says: ['OK'] });
    await admin.cf(['add-network-policy', back, far, '-s', next, '-o', org, '--protocol', 'tcp', '--port', '8443']);
    await admin.cf(['add-network-policy', front, back, '--protocol', 'tcp', '--port', '9-8'], { status: 1 });
    await admin.cf(['add-network-policy', front, name('none')], { status: 1, says: ['not found'] });
    await admin.cf(['network-policies'], { says: [back, '8080', '5000-5010', next] });
    await admin.cf(['network-policies', '--source', back], { says: [far, '8443'], hides: [/5000/] });
    await admin.cf(['remove-network-policy', front, back, '--protocol', 'tcp', '--port', '8080'], { says: ['OK'] });
    await admin.cf(['remove-network-policy', front, back, '--protocol', 'tcp', '--port', '8080'], {
      says: ['does not exist'],
    });
    await admin.cf(['remove-network-policy', back, far, '-s', next, '--protocol', 'tcp', '--port', '8443']);
    await admin.cf(['delete', back, '-f']);
    await admin.cf(['network-policies'], { hides: [/udp/] });
    await admin.cf(['delete-org', org, '-f']);
  },
};
