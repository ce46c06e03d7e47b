import { randomBytes } from 'node:crypto';
import { type LaunchedPlatform, launchPlatform } from '@slipway/infra';
import {
  type BuiltImage,
  buildImage,
  pushImage,
  type RegistryHandle,
  sampleImage,
  startAnyRegistry,
  startRegistry,
} from '@slipway/testing';
import type { FlowPlatform } from './run-flow.ts';

/** Long enough for a command, short enough for the CLI to renew its token in the flows (it does with less than 60 s left). */
const ACCESS_TOKEN_SECONDS = 75;
const GUARDED_USER = 'pusher';

export interface StartedPlatform extends FlowPlatform {
  readonly platform: LaunchedPlatform;
  stop(): Promise<void>;
}

/** One platform for all flows, with an open registry, one that wants a password, and the images that flows push. */
export async function startPlatformForFlows(): Promise<StartedPlatform> {
  const guardedPassword = `guarded${randomBytes(6).toString('hex')}`;
  const started: { stop(): Promise<unknown> }[] = [];
  const stop = async (): Promise<void> => {
    for (const one of started.toReversed()) await one.stop();
  };
  try {
    const registry: RegistryHandle = await startAnyRegistry();
    started.push(registry);
    const guardedRegistry = await startRegistry({
      auth: { kind: 'basic', username: GUARDED_USER, password: guardedPassword },
    });
    started.push(guardedRegistry);
    const sample = await sampleImage();
    const good = await pushImage(registry, 'sample', 'v1', sample);
    const other = await pushImage(registry, 'sample', 'v2', sample);
    const broken = await pushImage(registry, 'broken', 'v1', brokenImage(sample));
    const guarded = await pushImage(guardedRegistry, 'sample', 'v1', sample, {
      credentials: { username: GUARDED_USER, password: guardedPassword },
    });
    const platform = await launchPlatform({
      settings: {
        SLIPWAY_CELL_ID: `e2e-${randomBytes(3).toString('hex')}`,
        SLIPWAY_ACCESS_TOKEN_SECONDS: String(ACCESS_TOKEN_SECONDS),
      },
    });
    started.push(platform);
    return {
      platform,
      url: platform.url,
      adminPassword: platform.adminPassword,
      registry: registry.address,
      guardedRegistry: guardedRegistry.address,
      images: {
        good: good.reference,
        other: other.reference,
        broken: broken.reference,
        guarded: guarded.reference,
        guardedUser: GUARDED_USER,
        guardedPassword,
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Of the sample's layers, but it ends as soon as it starts. */
function brokenImage({ layers, platform }: BuiltImage): BuiltImage {
  return buildImage({
    layers,
    platform,
    config: { User: 'web', Entrypoint: ['sh', '-c', 'echo "cannot go on"; exit 3'] },
  });
}
