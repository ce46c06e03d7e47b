import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { createApp, createSpace } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';
import type { StepDecision } from '../domain/deployment/decide-step.ts';
import { type Observe, takeStep } from './deployment-steps.ts';

/** Everything that shall run does. */
const allServe: Observe = (process) => ({ routable: process.instances, unhealthy: 0, starting: 0 });

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const step = (guid: string): Promise<StepDecision | undefined> =>
    suite.api.writer.write((unit) => takeStep(unit, suite.api.platform, guid, allServe));
  const setUp = async (instances: number) => {
    const { admin } = suite.api;
    const { spaceGuid, organizationGuid } = await createSpace(admin);
    const app = await createApp(admin, spaceGuid);
    await suite.assign(app, await suite.stage(app));
    await admin.post(`/v3/processes/${app}/actions/scale`, { instances });
    await admin.post(`/v3/apps/${app}/actions/start`);
    const { body: quota } = await admin.post('/v3/organization_quotas', {
      name: organizationGuid,
      apps: { total_instances: 4 },
      relationships: { organizations: { data: [{ guid: organizationGuid }] } },
    });
    const counts = async (): Promise<number[]> => (await suite.lrpsOf(app)).map(({ state }) => state.instances);
    const limit = (total: number) =>
      admin.patch(`/v3/organization_quotas/${quota.guid}`, { apps: { total_instances: total } });
    return { app, counts, limit };
  };
  const deploy = async (app: string, options: object): Promise<string> =>
    (await suite.api.admin.post('/v3/deployments', { relationships: { app: { data: { guid: app } } }, options })).body
      .guid;

  test('no step of a deployment goes beyond a quota; it goes on when there is room', async () => {
    const { app, counts, limit } = await setUp(2);
    const guid = await deploy(app, { web_instances: 6, max_in_flight: 1 });
    const steps = async (): Promise<void> => {
      for (;;) if (((await step(guid))?.outcome ?? 'finish') === 'finish') return;
    };
    await expect(steps()).rejects.toThrow('app_instance_limit app_instance_limit_exceeded (5 of 4');
    expect((await counts()).reduce((sum, count) => sum + count)).toBeLessThanOrEqual(4);
    await limit(7);
    await steps();
    expect(await counts()).toEqual([6]);
  });

  test('what is cancelled gets back what it had, whatever became of the quota', async () => {
    const { app, counts, limit } = await setUp(3);
    const guid = await deploy(app, { max_in_flight: 1 });
    await step(guid);
    await step(guid);
    await limit(1);
    await suite.api.admin.post(`/v3/deployments/${guid}/actions/cancel`);
    for (let left = 20; (await counts()).length > 1 && left > 0; left--) await step(guid);
    expect(await counts()).toEqual([3]);
  });
});
