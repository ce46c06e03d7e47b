import { createLogger, loadConfig, runService } from '@slipway/service-kit';
import { createApp } from './app.ts';
import { configSchema } from './config.ts';

/** For what stopping takes beside waiting for requests. */
const STOP_MARGIN_MS = 5_000;

const config = loadConfig('router', configSchema, process.env);
const logger = createLogger('router', config.LOG_LEVEL);
const stopDeadlineMs = config.DRAIN_WAIT_MS + config.DRAIN_TIMEOUT_MS + STOP_MARGIN_MS;
await runService(createApp(config, { logger }), logger, { stopDeadlineMs });
