import { createLogger, describeError } from '@slipway/service-kit';
import { openGarden } from './adapters/garden.ts';
import { stopNameServers } from './adapters/names/name-server.ts';
import { readPlaceConfig } from './config.ts';
import { requireRoot } from './require-root.ts';

// Removes all that a cell has on this machine but its layers; started with the cell's environment, needs no NATS.
try {
  requireRoot();
  const config = readPlaceConfig(process.env);
  const logger = createLogger('cell-rep-clean', config.LOG_LEVEL);
  const garden = await openGarden(config, logger);
  const containers = garden.containers().length;
  await stopNameServers(garden.runDir);
  await garden.teardown();
  logger.info({ cellId: config.CELL_ID, containers }, 'cell.cleaned');
} catch (error) {
  process.stderr.write(`cell-rep clean: ${describeError(error)}\n`);
  process.exitCode = 1;
}
