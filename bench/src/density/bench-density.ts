import { loadavg } from 'node:os';
import { runCommand } from '@slipway/infra';
import { pushImage, startRegistry } from '@slipway/testing';
import { PROBE_PORT, staticServer } from '../cell/probe-images.ts';
import { rounded } from '../cell/statistics.ts';
import type { Crowd, CrowdImage } from './crowd.ts';
import { runDocker } from './docker-crowd.ts';
import { runSlipway } from './slipway-crowd.ts';

/** As many as Diego lets a cell have. */
const INSTANCES = 250;

/**
 * `npm run bench -- density [INSTANCES]`: so many instances of a tiny image on one machine, by a cell and by Docker: the time
 * until all of them answer, the memory that the platform takes for each beside the app's own, and what it costs when nothing happens.
 */
export async function benchDensity(args: readonly string[], stopped: AbortSignal): Promise<object> {
  const instances = Number(args[0] ?? INSTANCES);
  if (!Number.isInteger(instances) || instances < 1 || instances > 1_000) {
    throw new Error('usage: npm run bench -- density [INSTANCES]');
  }
  const image: CrowdImage = { name: 'static', image: await staticServer(), port: PROBE_PORT };
  const registry = await startRegistry();
  try {
    await pushImage(registry, `bench/${image.name}`, 'latest', image.image);
    const slipway = await runSlipway(image, registry, instances, stopped);
    say('slipway', slipway);
    stopped.throwIfAborted();
    const installed = (await runCommand('sh', ['-c', 'command -v dockerd'])).exitCode === 0;
    const docker = installed ? await runDocker(image, registry, instances, stopped) : undefined;
    if (docker === undefined) console.log('SKIPPED against docker: it is not installed ("apt-get install docker.io").');
    else say('docker', docker);
    return {
      bench: 'density',
      instances,
      load: loadavg().map((value) => rounded(value, 1)),
      ...(docker && { healthy_ratio_docker: rounded(slipway.healthy_s / docker.healthy_s) }),
      ...slipway,
      ...(docker && { docker }),
    };
  } finally {
    await registry.stop();
  }
}

function say(name: string, crowd: Crowd): void {
  console.log(`${name}: ${JSON.stringify(crowd)}`);
}
