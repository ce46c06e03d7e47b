import { describeError } from '@slipway/service-kit';
import { readPlatformConfig } from '../config.ts';
import { enterPrivateMounts } from '../process/private-mounts.ts';
import { listenForStop } from '../process/stop-signal.ts';
import { readDemoOptions } from './demo-options.ts';
import { runDemo } from './run-demo.ts';

enterPrivateMounts();
const stopped = listenForStop();
try {
  const options = readDemoOptions(process.argv.slice(2));
  process.exitCode = await runDemo(readPlatformConfig(process.env), options, stopped);
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 2;
}
// Whatever is still open (a log file on a hung disk, say) must not keep the terminal.
process.exit();
