import { z } from 'zod';
import { expectStatus, hostOf } from '../cli/expectations.ts';
import { type Actor, type Flow, type FlowSession, inOwnSpace } from '../cli/flow.ts';
import { startLoad } from '../steady-load.ts';

const activeSchema = z.looseObject({ resources: z.array(z.looseObject({ guid: z.string() })) });

/** Does something while the app is asked without a pause; not one answer may be wrong. */
async function underLoad(session: FlowSession, app: string, act: () => Promise<void>): Promise<void> {
  const load = startLoad(session.api, hostOf(app));
  await act();
  const { failures, requests } = await load.stop();
  await session.check(`${app} answers all of ${requests} requests`, async () => {
    if (failures.length > 0)
      throw new Error(`${failures.length} of ${requests} fail: ${[...new Set(failures)].join(', ')}`);
  });
}

async function pushed(session: FlowSession): Promise<{ admin: Actor; app: string }> {
  const admin = await inOwnSpace(session);
  const app = session.name('web');
  await admin.cf(['push', app, '-o', session.images.good, '-m', '48M', '-i', '2']);
  await expectStatus(session, app, 200);
  return { admin, app };
}

/** Until what was called off is scaled away the deployment is active, and may be called off again. */
async function nothingDeploys({ api, eventually }: FlowSession, app: string): Promise<void> {
  await eventually(`no deployment of ${app} is active`, async () => {
    const mine = await api.call('GET', `/v3/apps?names=${app}`, activeSchema);
    const guid = mine.resources[0]?.guid ?? '';
    const active = await api.call('GET', `/v3/deployments?status_values=ACTIVE&app_guids=${guid}`, activeSchema);
    if (active.resources.length > 0) throw new Error('one is');
  });
}

/** Rolling deployments, one that fails among them. */
export const rolling: Flow = {
  name: 'rolling',
  run: async (session) => {
    const { images, name } = session;
    const { admin, app } = await pushed(session);
    await underLoad(session, app, async () => {
      await admin.cf(['push', app, '-o', images.other, '--strategy', 'rolling', '--max-in-flight', '2'], {
        says: [/2\/2/],
      });
      await admin.cf(['restart', app, '--strategy', 'rolling']);
      await admin.cf(['restage', app, '--strategy', 'rolling', '--max-in-flight', '1']);
      await admin.cf(['push', app, '-o', images.good, '--strategy', 'rolling', '-i', '1', '-m', '64M', '--no-wait']);
    });
    await admin.cf(['push', app, '-o', images.broken, '--strategy', 'rolling'], {
      status: 1,
      env: { CF_STARTUP_TIMEOUT: '0.2' },
      says: [/timeout/i],
    });
    await expectStatus(session, app, 200);
    await nothingDeploys(session, app);
    await admin.cf(['app', app], { says: [/[12]\/1/] });
    await admin.cf(['cancel-deployment', name('nothing')], { status: 1, says: ['not found'] });
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};

/** A rolling deployment of an image that ends at once: what served before serves on. */
export const rollingFailure: Flow = {
  name: 'rolling-failure',
  run: async (session) => {
    const { images, name } = session;
    const { admin, app } = await pushed(session);
    await underLoad(session, app, async () => {
      await admin.cf(['push', app, '-o', images.broken, '--strategy', 'rolling', '--no-wait'], {
        status: 1,
        env: { CF_STARTUP_TIMEOUT: '0.3' },
      });
      await admin.cf(['app', app], { says: [/#0\s+running/] });
    });
    await expectStatus(session, app, 200);
    await admin.cf(['push', app, '-o', images.other, '--strategy', 'rolling'], { says: [/2\/2/] });
    await expectStatus(session, app, 200);
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};

/** Canaries that are continued, step by step, and called off. */
export const canary: Flow = {
  name: 'canary',
  run: async (session) => {
    const { images, name } = session;
    const { admin, app } = await pushed(session);
    await underLoad(session, app, async () => {
      await admin.cf(['push', app, '-o', images.other, '--strategy', 'canary'], { says: [/[Pp]aused|PAUSED/] });
      await admin.cf(['app', app], { says: [/canary/i, /paused/i] });
      await admin.cf(['continue-deployment', app], { says: ['TIP', /OK|2\/2/] });
      await admin.cf(['push', app, '-o', images.good, '--strategy', 'canary', '--instance-steps', '20,60']);
      await admin.cf(['continue-deployment', app]);
      await admin.cf(['app', app], { says: [/canary/i] });
      await admin.cf(['cancel-deployment', app], { says: ['OK'] });
      await nothingDeploys(session, app);
      await admin.cf(['restart', app, '--strategy', 'canary']);
      // The next one takes its place.
      await admin.cf(['push', app, '-o', images.other, '--strategy', 'canary', '-m', '56M']);
      await admin.cf(['app', app], { says: [/canary/i, /paused/i] });
      await admin.cf(['cancel-deployment', app]);
    });
    await expectStatus(session, app, 200);
    await nothingDeploys(session, app);
    await admin.cf(['cancel-deployment', app], { status: 1 });
    await admin.cf(['continue-deployment', app], { status: 1 });
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};

/** revisions, revision, rollback. */
export const revisions: Flow = {
  name: 'revisions',
  run: async (session) => {
    const { images, name } = session;
    const { admin, app } = await pushed(session);
    await admin.cf(['set-env', app, 'GREETING', 'second']);
    await admin.cf(['push', app, '-o', images.other, '--strategy', 'rolling']);
    await admin.cf(['revisions', app], { says: [/2\(deployed\)/] });
    await admin.cf(['revision', app, '--version', '1'], { says: [/revision:\s+1/] });
    await admin.cf(['revision', app], { says: ['second'] });
    await admin.cf(['revision', app, '--version', '77'], { status: 1, says: [/not found/] });
    await underLoad(session, app, async () => {
      await admin.cf(['rollback', app, '--version', '1', '-f'], { says: ['OK'] });
    });
    await session.eventually('the first greeting is back', async () => {
      const { body } = await session.api.fetch(hostOf(app), '/');
      if (!body.includes('hello from Slipway')) throw new Error(body);
    });
    await admin.cf(['revisions', app], { says: [/3\(deployed\)/] });
    await admin.cf(['rollback', app, '--version', '2', '-f', '--strategy', 'rolling', '--max-in-flight', '2']);
    await admin.cf(['rollback', app, '--version', '77', '-f'], { status: 1 });
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};
