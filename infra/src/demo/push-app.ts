import { setTimeout as delay } from 'node:timers/promises';
import type { CfClient, HttpAnswer, InstanceStats } from '@slipway/testing';
import type { RunPhase } from './phases.ts';

/** cloud-controller gives staging 15 minutes, as Cloud Foundry does; it says itself when they are over. */
const STAGING_DEADLINE_MS = 20 * 60_000;
/** A large image over a slow line is fetched when its first instance starts. */
const RUNNING_DEADLINE_MS = 20 * 60_000;
const STOP_DEADLINE_MS = 60_000;
const ROUTE_DEADLINE_MS = 30_000;
const POLL_MS = 20;

export interface PushRequest {
  readonly organization: string;
  readonly space: string;
  readonly app: string;
  readonly image: string;
}

export interface PushedApp {
  /** Without scheme and port, e.g. `demo.apps.localhost`. */
  readonly host: string;
  readonly answer: HttpAnswer;
  /** The image as frozen at staging. */
  readonly droplet: Awaited<ReturnType<CfClient['droplet']>>;
  readonly instance: InstanceStats;
}

/**
 * `cf push APP -o IMAGE` through the public API alone; an app that exists is pushed anew. `onApp` is told the app's guid
 * as soon as it is known.
 */
export async function pushApp(
  cf: CfClient,
  request: PushRequest,
  phase: RunPhase,
  onApp: (guid: string) => void = () => undefined,
): Promise<PushedApp> {
  await phase('log in', () => cf.token());
  const space = await phase('find or create org and space', async () => {
    return await cf.space(request.space, await cf.organization(request.organization));
  });
  const app = await phase(
    `app ${request.app}`,
    async () => {
      const found = await cf.findApp(request.app, space);
      if (found === undefined) return { guid: await cf.createApp(request.app, space), found: false };
      await stopApp(cf, found);
      return { guid: found, found: true };
    },
    ({ found }) => (found ? 'found, stopped to be pushed anew' : 'created'),
  );
  onApp(app.guid);
  const droplet = await phase(
    `stage ${request.image}`,
    async () => {
      const build = await cf.createBuild(await cf.createPackage(app.guid, request.image));
      return await cf.droplet(await cf.waitForBuild(build, STAGING_DEADLINE_MS));
    },
    ({ image }) => image ?? 'no image',
  );
  const host = await phase(
    'map a route',
    async () => {
      await cf.setDroplet(app.guid, droplet.guid);
      return await cf.mapRoute(app.guid, space, request.app);
    },
    (url) => url,
  );
  const [instance] = await phase(
    'start an instance',
    async () => {
      await cf.action(app.guid, 'start');
      return await cf.waitForRunning(app.guid, 1, RUNNING_DEADLINE_MS, assertNotCrashed);
    },
    ([first]) => first?.state ?? 'none',
  );
  const answer = await phase(
    'first answer',
    () => firstAnswer(cf, host),
    ({ status }) => String(status),
  );
  if (instance === undefined) throw new Error('an app with one running instance has no instance');
  return { host, answer, droplet, instance };
}

async function stopApp(cf: CfClient, guid: string): Promise<void> {
  await cf.action(guid, 'stop');
  const deadline = Date.now() + STOP_DEADLINE_MS;
  while ((await cf.stats(guid)).some(({ state }) => state === 'RUNNING' || state === 'STARTING')) {
    if (Date.now() > deadline) throw new Error(`the app still runs ${STOP_DEADLINE_MS / 1000} s after it was stopped`);
    await delay(POLL_MS);
  }
}

/** As the cf CLI: a push has failed when all instances have crashed, though the platform goes on trying. */
function assertNotCrashed(stats: readonly InstanceStats[]): void {
  if (stats.length > 0 && stats.every(({ state }) => state === 'CRASHED')) throw new Error('all instances crashed');
}

/** The app's own first answer. Until the router has heard of the route, it answers itself and says so in a header. */
async function firstAnswer(cf: CfClient, host: string): Promise<HttpAnswer> {
  const deadline = Date.now() + ROUTE_DEADLINE_MS;
  for (;;) {
    const answer = await cf.fetch(host, '/');
    const routerError = answer.headers['x-cf-routererror'];
    if (routerError === undefined) return answer;
    if (Date.now() > deadline) throw new Error(`the router answers ${answer.status} (${String(routerError)})`);
    await delay(POLL_MS);
  }
}
