import { type Bus, KvStore } from '@slipway/bus';
import { buckets, type DesiredTask, keys, type TaskRecord, type TaskState } from '@slipway/contracts';
import { describe, expect, test, vi } from 'vitest';
import type { Client } from '../testing/client.ts';
import { PATIENCE, useService } from '../testing/service-suite.ts';
import { engines } from '../testing/test-database.ts';

const now = (): string => new Date().toISOString();

/** The bucket of tasks, as somebody sees and writes it. */
class Tasks {
  readonly #store: KvStore<TaskRecord>;

  private constructor(store: KvStore<TaskRecord>) {
    this.#store = store;
  }

  static async open(bus: Bus): Promise<Tasks> {
    return new Tasks(await KvStore.open<TaskRecord>(bus, buckets.tasks));
  }

  async desired(guid: string): Promise<DesiredTask | undefined> {
    const record = await this.#store.get(keys.desiredTask(guid));
    return record?.value.kind === 'desired' ? record.value : undefined;
  }

  async until(guid: string, condition: (task: DesiredTask | undefined) => boolean): Promise<DesiredTask | undefined> {
    return vi.waitFor(async () => {
      const task = await this.desired(guid);
      if (!condition(task)) throw new Error(`the desired task is ${JSON.stringify(task)}`);
      return task;
    }, PATIENCE);
  }

  /** As the scheduler. */
  async place(taskGuid: string, cellId = 'cell-1'): Promise<void> {
    await this.#store.put(keys.taskPlacement(taskGuid), { v: 1, kind: 'placed', taskGuid, cellId, placedAt: now() });
  }

  /** As the scheduler. */
  async fail(taskGuid: string, reason: string, cellId?: string): Promise<void> {
    const failed = { v: 1, kind: 'failed', taskGuid, reason, failedAt: now() } as const;
    await this.#store.put(keys.taskPlacement(taskGuid), cellId === undefined ? failed : { ...failed, cellId });
  }

  /** As cell-1. */
  async tell(taskGuid: string, state: TaskState['state'], result?: TaskState['result']): Promise<void> {
    const told = { v: 1, kind: 'state', taskGuid, cellId: 'cell-1', state, since: now() } as const;
    await this.#store.put(keys.taskState('cell-1', taskGuid), result === undefined ? told : { ...told, result });
  }

  async marker(): Promise<TaskRecord | undefined> {
    return (await this.#store.get(keys.tasksDomain))?.value;
  }
}

async function untilState(client: Client, guid: string, state: string): Promise<Record<string, unknown>> {
  return vi.waitFor(async () => {
    const { body } = await client.get(`/v3/tasks/${guid}`);
    if (body.state !== state) throw new Error(`the task is ${body.state}`);
    return body;
  }, PATIENCE);
}

describe.each(engines)('on $engine', ({ create }) => {
  const suite = useService(create);
  const begin = async () => {
    const stager = await suite.as('stager');
    const scheduler = await Tasks.open(await suite.as('scheduler'));
    const cell = await Tasks.open(await suite.as('cell-rep', 'cell-1'));
    return { stager, scheduler, cell };
  };
  const run = async (client: Client, app: string, command = 'rake'): Promise<string> => {
    const answer = await client.post(`/v3/apps/${app}/tasks`, { command });
    if (answer.status !== 202) throw new Error(answer.text);
    return answer.body.guid;
  };

  test('a task is desired, given to the cell that is proposed, and done when its cell says so', async () => {
    const { stager, scheduler, cell } = await begin();
    const { client } = await suite.start();
    const app = await suite.runApp(client, stager);
    const guid = await run(client, app);
    const task = await scheduler.until(guid, (found) => found !== undefined);
    expect(task).toMatchObject({ app: { guid: app }, cancel: false, action: { argv: ['/bin/sh', '-c', 'rake'] } });
    expect(task).not.toHaveProperty('cellId');
    await vi.waitFor(async () => expect(await scheduler.marker()).toMatchObject({ domain: 'cf-tasks' }), PATIENCE);
    await scheduler.place(guid);
    await scheduler.until(guid, (found) => found?.cellId === 'cell-1');
    await untilState(client, guid, 'RUNNING');
    // A second thought of the scheduler changes nothing.
    await scheduler.place(guid, 'cell-2');
    await cell.tell(guid, 'RUNNING');
    await cell.tell(guid, 'COMPLETED', { failed: false, exitStatus: 0 });
    await untilState(client, guid, 'SUCCEEDED');
    await scheduler.until(guid, (found) => found === undefined);
    await cell.tell(guid, 'COMPLETED', { failed: true, reason: 'late' });
    const next = await run(client, app);
    await scheduler.fail(next, 'insufficient resources: memory');
    expect(await untilState(client, next, 'FAILED')).toMatchObject({
      result: { failure_reason: 'insufficient resources: memory' },
    });
    expect((await client.get(`/v3/tasks/${guid}`)).body).toMatchObject({
      state: 'SUCCEEDED',
      result: { failure_reason: null },
    });
  });

  test('a cancelled task says so to its cell, and one without a cell is over', async () => {
    const { stager, scheduler, cell } = await begin();
    const { client } = await suite.start();
    const app = await suite.runApp(client, stager);
    const [running, waiting] = [await run(client, app), await run(client, app)];
    await scheduler.place(running);
    await untilState(client, running, 'RUNNING');
    for (const guid of [running, waiting]) await client.post(`/v3/tasks/${guid}/actions/cancel`);
    await scheduler.until(running, (found) => found?.cancel === true);
    expect(await untilState(client, waiting, 'FAILED')).toMatchObject({
      result: { failure_reason: 'task was cancelled' },
    });
    await scheduler.until(waiting, (found) => found === undefined);
    await cell.tell(running, 'COMPLETED', { failed: true, reason: 'task was cancelled' });
    await untilState(client, running, 'FAILED');
    await scheduler.until(running, (found) => found === undefined);
  });

  test('tasks of a deleted app are no longer desired', async () => {
    const { stager, scheduler } = await begin();
    const { client } = await suite.start();
    const app = await suite.runApp(client, stager);
    const guid = await run(client, app);
    await scheduler.place(guid);
    await scheduler.until(guid, (found) => found?.cellId === 'cell-1');
    await client.delete(`/v3/apps/${app}`);
    await scheduler.until(guid, (found) => found === undefined);
  });

  test('what NATS lost comes back with the cell that has it, and a result that was told before is taken', async () => {
    const { stager, scheduler, cell } = await begin();
    const { client } = await suite.start();
    const app = await suite.runApp(client, stager);
    const guid = await run(client, app);
    await scheduler.place(guid);
    await untilState(client, guid, 'RUNNING');
    await suite.nats.restart({ wipe: true });
    await scheduler.until(guid, (found) => found?.cellId === 'cell-1');
    // The scheduler, which knows nothing of before, may propose what it likes.
    await scheduler.place(guid, 'cell-2');
    await cell.tell(guid, 'COMPLETED', { failed: false, exitStatus: 0 });
    await untilState(client, guid, 'SUCCEEDED');
    await scheduler.until(guid, (found) => found === undefined);
  });

  test('what was said while nobody listened is heard by the next, and a killed one leaves nothing half done', async () => {
    const { stager, scheduler, cell } = await begin();
    const first = await suite.spawn();
    const app = await suite.runApp(first.client, stager);
    const guids = [await run(first.client, app), await run(first.client, app)] as const;
    await scheduler.until(guids[1], (found) => found !== undefined);
    first.child.kill('SIGKILL');
    await scheduler.place(guids[0]);
    await scheduler.place(guids[1]);
    const second = await suite.spawn();
    for (const guid of guids) await scheduler.until(guid, (found) => found?.cellId === 'cell-1');
    second.child.kill('SIGKILL');
    await cell.tell(guids[0], 'COMPLETED', { failed: true, reason: 'APP/TASK/x: Exited with status 1' });
    await scheduler.fail(guids[1], 'cell disappeared before completion', 'cell-1');
    const { client } = await suite.start();
    expect(await untilState(client, guids[0], 'FAILED')).toMatchObject({
      result: { failure_reason: 'APP/TASK/x: Exited with status 1' },
    });
    expect(await untilState(client, guids[1], 'FAILED')).toMatchObject({
      result: { failure_reason: 'cell disappeared before completion' },
    });
    for (const guid of guids) await scheduler.until(guid, (found) => found === undefined);
  });
});
