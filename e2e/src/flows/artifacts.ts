import { z } from 'zod';
import { expectStatus } from '../cli/expectations.ts';
import { type Flow, inOwnSpace } from '../cli/flow.ts';

const guids = z.object({ resources: z.array(z.object({ guid: z.string() })) });

/** packages, droplets, create-package, stage-package, set-droplet, copy-source. */
export const artifacts: Flow = {
  name: 'artifacts',
  run: async (session) => {
    const { images, name, api } = session;
    const admin = await inOwnSpace(session);
    const app = name('web');
    await admin.cf(['push', app, '-o', images.good, '-m', '64M']);
    await admin.cf(['packages', app], { says: [/ready/] });
    await admin.cf(['droplets', app], { says: [/\(current\)/] });
    await admin.cf(['create-package', app, '-o', images.other], { says: [/guid/i] });
    await admin.cf(['stage-package', app], { says: [/droplet guid/i] });
    const appGuid = (await api.call('GET', `/v3/apps?names=${app}`, guids)).resources[0]?.guid ?? '';
    const newest = await api.call('GET', `/v3/droplets?app_guids=${appGuid}&order_by=-created_at`, guids);
    await admin.cf(['set-droplet', app, newest.resources[0]?.guid ?? ''], { says: ['OK'] });
    const packages = await api.call('GET', `/v3/packages?app_guids=${appGuid}&order_by=created_at`, guids);
    await admin.cf(['stage-package', app, '--package-guid', packages.resources[0]?.guid ?? '']);
    await admin.cf(['set-droplet', app, '11111111-2222-4333-8444-555555555555'], { status: 1 });
    await admin.cf(['restart', app]);
    await expectStatus(session, app, 200);
    await admin.cf(['create-app', name('copy'), '--app-type', 'docker']);
    await admin.cf(['copy-source', app, name('copy'), '--no-restart']);
    await admin.cf(['download-droplet', app], { status: 1, says: ['pull the image'] });
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};
