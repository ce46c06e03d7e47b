import { describe, expect, test } from 'vitest';
import { useApi } from '../../testing/api-suite.ts';
import { type Answer, errorOf } from '../../testing/client.ts';
import { createApp } from '../../testing/fixtures.ts';
import { engines } from '../../testing/test-database.ts';

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useApi(create);
  const proxy = { name: 'proxy', command: 'run proxy', process_types: ['web'] };
  const add = (app: string, body: Record<string, unknown>): Promise<Answer> =>
    suite.api.admin.post(`/v3/apps/${app}/sidecars`, body);
  const newApp = (): Promise<string> => createApp(suite.api.admin, suite.spaceGuid);
  const namesAt = async (path: string): Promise<string[]> =>
    (await suite.api.admin.get(path)).body.resources.map((sidecar: { name: string }) => sidecar.name);
  const tooLarge = 'The memory allocation defined is too large to run with the dependent "web" process';

  test('a sidecar is made, listed with its app and its processes, changed and removed', async () => {
    const app = await newApp();
    const made = await add(app, { ...proxy, process_types: ['worker', 'web'], memory_in_mb: 64 });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      name: 'proxy',
      command: 'run proxy',
      process_types: ['web', 'worker'],
      memory_in_mb: 64,
      origin: 'user',
      relationships: { app: { data: { guid: app } } },
    });
    await add(app, { ...proxy, name: 'other', process_types: ['worker'] });
    const path = `/v3/sidecars/${made.body.guid}`;
    expect((await suite.api.admin.get(path)).body).toEqual(made.body);
    expect(await namesAt(`/v3/apps/${app}/sidecars`)).toEqual(['proxy', 'other']);
    expect(await namesAt(`/v3/processes/${app}/sidecars`)).toEqual(['proxy']);
    const page = await suite.api.admin.get(`/v3/apps/${app}/sidecars?per_page=1&page=2`);
    expect(page.body).toMatchObject({ pagination: { total_results: 2 }, resources: [{ name: 'other' }] });

    const changed = await suite.api.admin.patch(path, {
      command: 'run it',
      process_types: ['worker'],
      memory_in_mb: null,
    });
    expect(changed.body).toMatchObject({
      name: 'proxy',
      command: 'run it',
      process_types: ['worker'],
      memory_in_mb: null,
    });
    expect(await namesAt(`/v3/processes/${app}/sidecars`)).toEqual([]);
    expect((await suite.api.admin.delete(path)).status).toBe(204);
    expect((await suite.api.admin.get(path)).status).toBe(404);
    expect(errorOf(await suite.api.admin.delete(path)).detail).toBe('Sidecar not found');
    expect(await namesAt(`/v3/apps/${app}/sidecars`)).toEqual(['other']);
    expect((await suite.api.admin.delete(`/v3/apps/${app}`)).status).toBe(202);
  });

  test('what cannot be is refused in Cloud Foundry’s words', async () => {
    const app = await newApp();
    await add(app, proxy);
    const cases: readonly [Record<string, unknown>, string][] = [
      [{ name: 'x' }, "Command can't be blank"],
      [{ ...proxy, name: '' }, "Name can't be blank"],
      [{ ...proxy, name: 'x'.repeat(256) }, 'Name is too long (maximum is 255 characters)'],
      [{ ...proxy, command: 'x'.repeat(4097) }, 'Command is too long (maximum is 4096 characters)'],
      [{ ...proxy, process_types: [] }, 'Process types must have at least 1 process_type'],
      [{ ...proxy, name: 'y', memory_in_mb: 0 }, 'Memory in mb must be greater than 0'],
      [{ ...proxy, colour: 'blue' }, "Unknown field(s): 'colour'"],
      [proxy, "Sidecar with name 'proxy' already exists for given app"],
      [{ ...proxy, name: 'large', memory_in_mb: 1024 }, tooLarge],
    ];
    for (const [body, text] of cases) {
      const answer = await add(app, body);
      expect(answer.status).toBe(422);
      expect(errorOf(answer).detail).toContain(text);
    }
    expect((await add('nowhere', proxy)).status).toBe(404);
  });

  test('something of a process’s memory is left for the app, whichever of both is changed', async () => {
    const app = await newApp();
    const { guid } = (await add(app, { ...proxy, memory_in_mb: 500 })).body;
    expect(errorOf(await add(app, { ...proxy, name: 'second', memory_in_mb: 524 })).detail).toBe(tooLarge);
    expect((await add(app, { ...proxy, name: 'second', memory_in_mb: 523 })).status).toBe(201);
    const patch = (body: Record<string, unknown>) => suite.api.admin.patch(`/v3/sidecars/${guid}`, body);
    expect(errorOf(await patch({ memory_in_mb: 501 })).detail).toBe(tooLarge);
    expect((await patch({ memory_in_mb: 499 })).status).toBe(200);
    const scale = (memory_in_mb: number) =>
      suite.api.admin.post(`/v3/processes/${app}/actions/scale`, { memory_in_mb });
    expect(errorOf(await scale(1022)).detail).toBe(
      'The requested memory allocation is not large enough to run all of your sidecar processes',
    );
    expect((await scale(1023)).status).toBe(202);
    // Beside another process there is no such sum.
    expect((await patch({ process_types: ['worker'], memory_in_mb: 9999 })).status).toBe(200);
  });

  test('what runs gets it at the restart, told of its share; a revision keeps it, and a rollback brings it back', async () => {
    const app = await newApp();
    await suite.assign(app, await suite.stage(app));
    await add(app, { ...proxy, memory_in_mb: 100 });
    await suite.api.admin.post(`/v3/apps/${app}/actions/start`);
    const [first] = await suite.lrpsOf(app);
    const memoryOf = (environment: Record<string, string> | undefined) => [
      environment?.MEMORY_LIMIT,
      JSON.parse(environment?.VCAP_APPLICATION ?? '{}').limits?.mem,
    ];
    expect(memoryOf(first?.runInfo.action.environment)).toEqual(['924m', 924]);
    expect(first?.runInfo.resources.memoryMb).toBe(1024);
    expect(first?.runInfo.sidecars).toMatchObject([
      { name: 'proxy', argv: ['/bin/sh', '-c', 'run proxy'], sourceType: 'APP/PROC/WEB/SIDECAR/PROXY' },
    ]);
    expect(memoryOf(first?.runInfo.sidecars?.[0]?.environment)).toEqual(['100m', 100]);

    const [{ guid }] = (await suite.api.admin.get(`/v3/apps/${app}/sidecars`)).body.resources;
    await suite.api.admin.patch(`/v3/sidecars/${guid}`, { command: 'run better' });
    expect((await suite.lrpsOf(app))[0]?.version).toBe(first?.version);
    await suite.api.admin.post(`/v3/apps/${app}/actions/restart`);
    expect((await suite.lrpsOf(app))[0]?.runInfo.sidecars?.[0]?.argv.at(-1)).toBe('run better');
    const revisions = (await suite.api.admin.get(`/v3/apps/${app}/revisions?order_by=created_at`)).body.resources;
    const kept = { name: 'proxy', memory_in_mb: 100, process_types: ['web'] };
    expect(revisions).toMatchObject([
      { version: 1, sidecars: [{ ...kept, command: 'run proxy' }] },
      { version: 2, description: 'Sidecars updated.', sidecars: [{ ...kept, command: 'run better' }] },
    ]);

    const rollback = await suite.api.admin.post('/v3/deployments', {
      relationships: { app: { data: { guid: app } } },
      revision: { guid: revisions[0].guid },
    });
    expect(rollback.status).toBe(201);
    expect((await suite.api.admin.get(`/v3/apps/${app}/sidecars`)).body.resources).toMatchObject([
      { name: 'proxy', command: 'run proxy', memory_in_mb: 100 },
    ]);
    const lrps = await suite.lrpsOf(app);
    expect(new Set(lrps.map(({ runInfo }) => runInfo.sidecars?.[0]?.argv.at(-1)))).toEqual(
      new Set(['run better', 'run proxy']),
    );
  });
});
