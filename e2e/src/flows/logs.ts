import { expectStatus, hostOf } from '../cli/expectations.ts';
import { type Flow, inOwnSpace } from '../cli/flow.ts';

/** logs --recent, and logs that follow. */
export const logs: Flow = {
  name: 'logs',
  run: async (session) => {
    const { images, name, api } = session;
    const admin = await inOwnSpace(session);
    const app = name('web');
    await admin.cf(['push', app, '-o', images.good, '-m', '64M']);
    await expectStatus(session, app, 200);
    await admin.cf(['logs', app, '--recent'], {
      says: [/\[STG\/0\]/, /\[CELL\/0\]/, /\[APP\/PROC\/WEB\/0\]/, /\[API\/0\]/, /\[RTR\/\d\]/],
    });
    // It reads the log from where it is: what it shows happens after it has said that it begins.
    let asked = 0;
    const { saidAt } = await admin.cf(['logs', app], {
      until: {
        says: /GET \/version\.txt\?followed/,
        // It reads the log from where it was: what happens from now on it shows.
        trigger: async () => {
          asked = performance.now();
          await api.fetch(hostOf(app), '/version.txt?followed');
        },
      },
    });
    if (saidAt !== undefined) {
      const ms = Math.round(saidAt - asked);
      const held = session.recorded ? '' : '; 2000 ms of it the CLI holds lines back itself';
      session.note(`cf logs showed a request ${ms} ms after it was made${held}`);
    }
    await admin.cf(['logs', name('nothing')], { status: 1, says: ['not found'] });
    await admin.cf(['logs', name('nothing'), '--recent'], { status: 1, says: ['not found'] });
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};
