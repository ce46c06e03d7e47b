import { z } from 'zod';
import { type Flow, inOwnSpace } from '../cli/flow.ts';

const listSchema = z.object({ resources: z.array(z.object({ sequence_id: z.int() })) });

/** run-task, tasks, task, terminate-task. */
export const tasks: Flow = {
  name: 'tasks',
  run: async (session) => {
    const { images, name, api } = session;
    const admin = await inOwnSpace(session);
    const app = name('job');
    await admin.cf(['push', app, '-o', images.good, '-m', '64M', '--task']);
    await admin.cf(['tasks', app], { says: ['No tasks found'] });
    await admin.cf(
      ['run-task', app, '-c', 'echo from the task', '--name', 'first', '-m', '48M', '-k', '64M', '--wait'],
      {
        says: ['OK'],
      },
    );
    await admin.cf(['run-task', app, '--command', 'exit 7', '--wait'], { status: 1 });
    await admin.cf(['logs', app, '--recent'], { says: [/APP\/TASK\/first/, 'from the task'] });
    await admin.cf(['run-task', app, '-c', 'sleep 3600', '--name', name('long'), '-l', '16K']);
    await session.eventually('the long task runs', async () => {
      const running = await api.call('GET', `/v3/tasks?names=${name('long')}&states=RUNNING`, listSchema);
      if (!running.resources.some(({ sequence_id: id }) => id === 3)) throw new Error('it does not');
    });
    await admin.cf(['tasks', app], { says: [/first\s+SUCCEEDED/, /FAILED/, /long\s+RUNNING/] });
    await admin.cf(['task', app, '1'], { says: ['SUCCEEDED'] });
    await admin.cf(['task', app, '2'], { says: ['FAILED'] });
    await admin.cf(['terminate-task', app, '3'], { says: ['OK'] });
    await admin.cf(['terminate-task', app, '9'], { status: 1 });
    await admin.cf(['run-task', app, '-c', 'echo of web', '--process', 'web', '--wait']);
    await admin.cf(['events', app], { says: ['audit.app.task.create'] });
    await admin.cf(['create-app', name('empty'), '--app-type', 'docker']);
    await admin.cf(['run-task', name('empty'), '-c', 'true'], { status: 1, says: ['not staged'] });
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};
