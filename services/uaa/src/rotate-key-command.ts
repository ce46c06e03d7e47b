import { createLogger, loadConfig } from '@slipway/service-kit';
import { configSchema } from './config.ts';
import { openIdentity } from './identity.ts';

/*
 * `node services/uaa/src/rotate-key-command.ts`, with the environment of uaa: adds a signing key. Running processes
 * take it up by themselves; tokens that are out stay good.
 */
const config = loadConfig('uaa', configSchema, process.env);
const logger = createLogger('uaa', config.LOG_LEVEL);
const identity = openIdentity(config, { logger });
try {
  await identity.prepare();
  const { kid, activatesAt } = await identity.keys.rotate();
  console.log(`${kid} signs from ${new Date(activatesAt).toISOString()}`);
} finally {
  await identity.close();
}
