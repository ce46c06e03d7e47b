import { once } from 'node:events';
import { describeError } from '@slipway/service-kit';
import type { PlatformConfig } from '../config.ts';
import { Console } from '../platform/console.ts';
import { Platform, type StartedPlatform } from '../platform/platform.ts';
import { StopRequested } from '../process/stop-signal.ts';

/** `npm start`: the platform in the foreground until a signal. The exit status. */
export async function runStart(config: PlatformConfig, stopped: AbortSignal): Promise<number> {
  const out = new Console(config.SLIPWAY_LOG_LEVEL ?? 'info');
  const platform: Platform = new Platform({
    config,
    registry: false,
    asRoot: process.getuid?.() === 0,
    events: (process) => out.eventsOf(process, platform.data.logFile(process)),
  });
  out.say(`Starting Slipway, data and logs in ${config.SLIPWAY_DATA_DIR}`);
  let status = 0;
  try {
    const started = await platform.start(stopped);
    sayReady(out, platform, config, started);
    if (!stopped.aborted) await once(stopped, 'abort');
  } catch (error) {
    status = error instanceof StopRequested ? error.exitStatus : 1;
    if (status === 1) out.say(`\n${out.color('red', 'Slipway does not start:')} ${describeError(error)}`);
  }
  status = await stopPlatform(platform, out, status);
  await out.close();
  return status;
}

/** Where it is, and how to get in. */
export function sayReady(out: Console, platform: Platform, config: PlatformConfig, started: StartedPlatform): void {
  const url = config.SLIPWAY_EXTERNAL_URL;
  out.say(`\n${out.color('bold', `Slipway is ready at ${url}`)} after ${out.elapsed}`);
  out.say(`  cf api ${url}`);
  out.say(
    started.passwordIsNew
      ? `  cf auth admin ${started.adminPassword}   (generated now, kept in ${platform.data.secretsFile})`
      : `  cf auth admin PASSWORD   (kept in ${platform.data.secretsFile})`,
  );
  out.say('  Ctrl-C stops it\n');
}

/** Stops the platform whatever happened before; `status` unless the stop itself fails. */
export async function stopPlatform(platform: Platform, out: Console, status: number): Promise<number> {
  const running = platform.status.processes.length > 0;
  if (running) out.say('Stopping');
  try {
    await platform.stop();
    if (running) out.say(`All stopped after ${out.elapsed}`);
    return status;
  } catch (error) {
    out.say(`${out.color('red', 'Not all could be stopped:')} ${describeError(error)}`);
    return status === 0 ? 1 : status;
  }
}
