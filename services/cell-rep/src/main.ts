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
  const drainMs = config.CELL_ON_STOP === 'drain' ? config.CELL_DRAIN_TIMEOUT_MS : 0;
  await runService(createApp(config, { logger }), logger, { stopDeadlineMs: drainMs + STOP_DEADLINE_MS });
} catch (error) {
  process.stderr.write(`cell-rep: ${describeError(error)}\n`);
  process.exitCode = 1;
}
