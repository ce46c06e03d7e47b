import { describeError } from '@slipway/service-kit';
import { readPlatformConfig } from '../config.ts';
import { enterPrivateMounts } from '../process/private-mounts.ts';
import { listenForStop } from '../process/stop-signal.ts';
import { runStart } from './run-start.ts';

enterPrivateMounts();
const stopped = listenForStop();
try {
  process.exitCode = await runStart(readPlatformConfig(process.env), stopped);
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
// Whatever is still open (a log file on a hung disk, say) must not keep the terminal.
process.exit();
