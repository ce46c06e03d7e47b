import { createLogger, describeError, runService } from '@slipway/service-kit';
import { createApp } from './app.ts';
import { readConfig } from './config.ts';
import { requireRoot } from './require-root.ts';

// To end all instances takes their grace time, and the deletion after it.
const STOP_DEADLINE_MS = 60_000;

try {
  requireRoot();
  const config = readConfig(process.env);
  const logger = createLogger('cell-rep', config.LOG_LEVEL);
  await runService(createApp(config, { logger }), logger, { stopDeadlineMs: STOP_DEADLINE_MS });
} catch (error) {
  process.stderr.write(`cell-rep: ${describeError(error)}\n`);
  process.exitCode = 1;
}
