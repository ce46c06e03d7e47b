import { readFileSync } from 'node:fs';
import { createLogger, runService } from '@slipway/service-kit';
import { createApp } from '../app.ts';
import { readConfig } from '../config.ts';

// main.ts, but for its end: it is killed, by itself, when a container comes to the step that the file TEST_KILL_FILE names
// just then. After the step may stand how the handles begin that this is about; else it is all but probes.
const config = readConfig(process.env);
const logger = createLogger('cell-rep', config.LOG_LEVEL);
const app = createApp(config, {
  logger,
  onContainerStep: (step, handle) => {
    const [at, over] = readFileSync(process.env.TEST_KILL_FILE ?? '', 'utf8').split(' ');
    if (step !== at) return;
    if (over === undefined ? !handle.startsWith('probe-') : handle.startsWith(over))
      process.kill(process.pid, 'SIGKILL');
  },
});
await runService(app, logger);
