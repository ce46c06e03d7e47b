import { createLogger, loadConfig, runService } from '@slipway/service-kit';
import { createApp } from './app.ts';
import { configSchema } from './config.ts';

const config = loadConfig('scheduler', configSchema, process.env);
const logger = createLogger('scheduler', config.LOG_LEVEL);
await runService(createApp(config, { logger }), logger);
