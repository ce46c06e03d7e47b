import { loadavg } from 'node:os';
import { runCommand } from '@slipway/infra';
import { startRegistry } from '@slipway/testing';
import { nodeServer, staticServer } from '../cell/probe-images.ts';
import { median, quantile, rounded } from '../cell/statistics.ts';
import {
  DockerStarter,
  type ProbeImage,
  pushProbe,
  SlipwayStarter,
  type Starter,
  type StartTimes,
} from './contenders.ts';
import { stepMeans } from './step-means.ts';

/** The first starts of a fresh process compile what later ones have. */
const WARM_UP_ROUNDS = 3;

type Race = ReadonlyMap<Starter['name'], readonly StartTimes[]>;

/**
 * `npm run bench -- start [ROUNDS]`: the image is there; from the placement to the exec of the app's process, and to its
 * first 200 through the router, in turns with `docker run -p` of the same image. Ratios are medians of those of each round,
 * so that what disturbs one round disturbs both sides of its ratios.
 */
export async function benchStart(args: readonly string[], stopped: AbortSignal): Promise<object> {
  const rounds = Number(args[0] ?? 30);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('usage: npm run bench -- start [ROUNDS]');
  const images: readonly ProbeImage[] = [
    { name: 'static', image: await staticServer() },
    { name: 'node', image: await nodeServer() },
  ];
  const registry = await startRegistry();
  const starters: Starter[] = [];
  try {
    for (const image of images) await pushProbe(image, registry);
    const slipway = await SlipwayStarter.open(registry, stopped);
    starters.push(slipway);
    if ((await runCommand('sh', ['-c', 'command -v dockerd'])).exitCode === 0) {
      starters.push(await DockerStarter.open(images, registry, stopped));
    } else console.log('SKIPPED against docker: it is not installed ("apt-get install docker.io").');
    const results: Record<string, ReturnType<typeof summary>> = {};
    for (const image of images) {
      for (let round = 0; round < WARM_UP_ROUNDS; round++) await runRound(image, starters, round, stopped);
      const before = await slipway.cell.metrics();
      const race = await runRace(image, starters, rounds, stopped);
      results[image.name] = { ...summary(race), steps_ms: stepMeans(before, await slipway.cell.metrics()) };
    }
    const { static: fixed, ...others } = results;
    return { bench: 'start', rounds, load: loadavg().map((value) => rounded(value, 1)), ...fixed, ...others };
  } finally {
    for (const starter of starters.reverse()) await starter.stop();
    await registry.stop();
  }
}

async function runRace(
  image: ProbeImage,
  starters: readonly Starter[],
  rounds: number,
  stopped: AbortSignal,
): Promise<Race> {
  const race = new Map<Starter['name'], StartTimes[]>(starters.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const times = await runRound(image, starters, round, stopped);
    for (const [name, one] of times) race.get(name)?.push(one);
    const said = [...times].map(([name, t]) => `${name} exec ${t.exec.toFixed(0)}, 200 ${t.first200.toFixed(0)} ms`);
    console.log(`${image.name}, round ${round + 1} of ${rounds}: ${said.join('; ')}`);
  }
  return race;
}

/** Who is first alternates: each has the machine as the other left it. */
async function runRound(
  image: ProbeImage,
  starters: readonly Starter[],
  round: number,
  stopped: AbortSignal,
): Promise<ReadonlyMap<Starter['name'], StartTimes>> {
  const times = new Map<Starter['name'], StartTimes>();
  for (const starter of round % 2 === 0 ? starters : starters.toReversed()) {
    stopped.throwIfAborted();
    times.set(starter.name, await starter.start(image));
  }
  return times;
}

function summary(race: Race): Record<'exec' | 'first200' | 'returned', object> & { steps_ms?: object } {
  const of = (key: keyof StartTimes): object => {
    const own = race.get('slipway')?.map((times) => times[key]) ?? [];
    const theirs = race.get('docker')?.map((times) => times[key]);
    const ratios = theirs?.map((ms, i) => (own[i] ?? Number.NaN) / ms);
    return {
      ...(ratios && { ratio_docker: rounded(median(ratios)), ratio_quartiles: quartiles(ratios, 3) }),
      slipway_ms: rounded(median(own), 1),
      slipway_quartiles_ms: quartiles(own, 1),
      ...(theirs && { docker_ms: rounded(median(theirs), 1), docker_quartiles_ms: quartiles(theirs, 1) }),
    };
  };
  return { exec: of('exec'), first200: of('first200'), returned: of('returned') };
}

function quartiles(values: readonly number[], digits: number): readonly number[] {
  return [0.25, 0.75].map((share) => rounded(quantile(values, share), digits));
}
