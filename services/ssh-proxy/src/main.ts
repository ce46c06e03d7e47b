import { createLogger, loadConfig, runService } from '@slipway/service-kit';
import { createApp } from './app.ts';
import { configSchema } from './config.ts';

const config = loadConfig('ssh-proxy', configSchema, process.env);
const logger = createLogger('ssh-proxy', config.LOG_LEVEL);
await runService(createApp(config, { logger, parent: process }), logger);
