import { once } from 'node:events';
import { describeError } from '@slipway/service-kit';
import { CfClient, pushImage, sampleImage } from '@slipway/testing';
import type { PlatformConfig } from '../config.ts';
import { Console } from '../platform/console.ts';
import { Platform, type StartedPlatform } from '../platform/platform.ts';
import { StopRequested } from '../process/stop-signal.ts';
import { sayReady, stopPlatform } from '../start/run-start.ts';
import { appNameOf, type DemoOptions } from './demo-options.ts';
import { followLogs } from './follow-logs.ts';
import { phasesOf, type RunPhase } from './phases.ts';
import { type PushedApp, type PushRequest, pushApp } from './push-app.ts';

const ORGANIZATION = 'demo';
const SPACE = 'demo';
const SAMPLE = 'slipway/sample';
const MAX_SHOWN_BODY = 600;

/**
 * `npm run demo`: the platform with a registry, an image, a push through the public API, an answer. Stays until a signal
 * unless told to exit. The exit status is 0 when the app answered and everything could be stopped.
 */
export async function runDemo(config: PlatformConfig, options: DemoOptions, stopped: AbortSignal): Promise<number> {
  const out = new Console(config.SLIPWAY_LOG_LEVEL ?? 'warn');
  const phase = phasesOf((line) => out.say(line), stopped);
  const platform: Platform = new Platform({
    config,
    registry: options.image === undefined,
    asRoot: process.getuid?.() === 0,
    events: (process) => out.eventsOf(process, platform.data.logFile(process)),
  });
  let status = 0;
  try {
    out.say(`Starting Slipway, data and logs in ${config.SLIPWAY_DATA_DIR}`);
    const started = await phase('platform ready', () => platform.start(stopped));
    const image = options.image ?? (await pushSample(started, phase));
    const cf = new CfClient({ url: clientUrl(config), username: 'admin', password: started.adminPassword });
    const request = { organization: ORGANIZATION, space: SPACE, app: appNameOf(options.image), image };
    sayPushed(out, config, await pushAndFollow(cf, request, phase, out, stopped));
    if (!options.exit) {
      sayReady(out, platform, config, started);
      if (!stopped.aborted) await once(stopped, 'abort');
    }
  } catch (error) {
    status = error instanceof StopRequested ? error.exitStatus : 1;
    if (status === 1) {
      out.say(`\n${out.color('red', 'The demo failed at')} ${describeError(error)}`);
      out.say(`The services' logs are in ${config.SLIPWAY_DATA_DIR}/logs`);
    }
  }
  status = await stopPlatform(platform, out, status);
  await out.close();
  return status;
}

async function pushSample(started: StartedPlatform, phase: RunPhase): Promise<string> {
  const image = await phase(
    'build the sample image',
    () => sampleImage(),
    ({ layers }) => `${layers.length} layers, ${megabytes(layers.reduce((sum, { size }) => sum + size, 0))}`,
  );
  const [host = '', port = ''] = (started.registryAddress ?? '').split(':');
  const pushed = await phase(
    'push it to the registry',
    () => pushImage({ host, port: Number(port) }, SAMPLE, 'demo', image),
    ({ digest }) => digest,
  );
  return pushed.reference;
}

/** Pushes, and says what the platform logs about the app meanwhile. */
async function pushAndFollow(
  cf: CfClient,
  request: PushRequest,
  phase: RunPhase,
  out: Console,
  stopped: AbortSignal,
): Promise<PushedApp> {
  const pushed = new AbortController();
  const ended = AbortSignal.any([pushed.signal, stopped]);
  const tell = (sourceType: string, line: string): void =>
    out.say(out.color('dim', `             ${sourceType.padEnd(6)} ${line}`));
  let following: Promise<void> | undefined;
  try {
    return await pushApp(cf, request, phase, (guid) => {
      following = followLogs(cf, guid, tell, ended);
    });
  } finally {
    pushed.abort();
    await following;
  }
}

function sayPushed(out: Console, config: PlatformConfig, { host, answer, droplet, instance }: PushedApp): void {
  const { port, protocol } = new URL(config.SLIPWAY_EXTERNAL_URL);
  const hostAndPort = port === '' ? host : `${host}:${port}`;
  out.say(`\n${out.color('bold', `${protocol}//${hostAndPort}`)} answers ${answer.status}:`);
  out.say(`  ${answer.body.slice(0, MAX_SHOWN_BODY).trimEnd().replaceAll('\n', '\n  ')}`);
  out.say(`  image     ${droplet.image ?? 'unknown'}`);
  out.say(`  instance  ${instance.instance_guid ?? 'unknown'} at ${instance.instance_internal_ip ?? 'unknown'}`);
  // Not every resolver knows that names below .localhost are loopback (RFC 6761).
  out.say(`  try       curl -H 'Host: ${hostAndPort}' http://127.0.0.1:${config.SLIPWAY_PORT}/`);
}

/** The platform by loopback, whatever the outside calls it. */
function clientUrl(config: PlatformConfig): string {
  return `http://localhost:${config.SLIPWAY_PORT}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
