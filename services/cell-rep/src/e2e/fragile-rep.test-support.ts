import { createLogger, runService } from '@slipway/service-kit';
import { createApp } from '../app.ts';
import { readConfig } from '../config.ts';

// main.ts, but for its end: it is killed, by itself, when a container comes to the step that TEST_KILL_AT names. TEST_KILL_OVER
// begins the handles of containers that this is about; without it, all but probes.
const { TEST_KILL_AT, TEST_KILL_OVER } = process.env;
const config = readConfig(process.env);
const logger = createLogger('cell-rep', config.LOG_LEVEL);
const isMeant = (handle: string): boolean =>
  TEST_KILL_OVER === undefined ? !handle.startsWith('probe-') : handle.startsWith(TEST_KILL_OVER);
const app = createApp(config, {
  logger,
  onContainerStep: (step, handle) => {
    if (step === TEST_KILL_AT && isMeant(handle)) process.kill(process.pid, 'SIGKILL');
  },
});
await runService(app, logger);
