import { randomUUID } from 'node:crypto';
import type { DesiredLrp } from '@slipway/contracts';
import type { BuiltImage } from './image-builder.ts';

export interface LrpChanges extends Partial<Omit<DesiredLrp, 'action' | 'resources'>> {
  readonly action?: Partial<DesiredLrp['action']>;
  readonly resources?: Partial<DesiredLrp['resources']>;
}

/** The desired LRP that a staging of an image would lead to, with changes. */
export function lrpOfImage(
  image: BuiltImage,
  where: { readonly registry: string; readonly repository: string },
  { action, resources, ...rest }: LrpChanges = {},
): DesiredLrp {
  const { layers } = JSON.parse(image.manifest.bytes.toString()) as {
    layers: { mediaType: string; digest: string; size: number }[];
  };
  const { config } = JSON.parse(image.config.bytes.toString()) as {
    config: { Env?: string[]; WorkingDir?: string; User?: string; Entrypoint?: string[]; Cmd?: string[] };
  };
  const appGuid = randomUUID();
  return {
    v: 1,
    processGuid: `${randomUUID()}-${randomUUID()}`,
    domain: 'cf-apps',
    updatedAt: new Date().toISOString(),
    instances: 1,
    app: {
      guid: appGuid,
      name: 'dora',
      spaceGuid: randomUUID(),
      spaceName: 'dev',
      organizationGuid: randomUUID(),
      organizationName: 'acme',
    },
    process: { guid: appGuid, type: 'web' },
    image: {
      reference: `${where.registry}/${where.repository}:latest`,
      ...where,
      manifestDigest: image.manifest.digest,
      mediaType: image.manifest.mediaType,
      platform: { os: image.platform.os, architecture: image.platform.architecture },
      config: { digest: image.config.digest, size: image.config.size },
      layers: layers.map((layer, i) => ({ ...layer, diffId: image.layers[i]?.diffId as string })),
    },
    ports: [8080],
    healthCheck: { type: 'port', invocationTimeoutMs: 1_000, intervalMs: 30_000 },
    startTimeoutMs: 60_000,
    routes: [{ uri: 'dora.apps.localhost', port: 8080, protocol: 'http1' }],
    placementTags: [],
    log: { sourceId: appGuid, sourceType: 'APP/PROC/WEB' },
    metricTags: { source_id: appGuid, app_name: 'dora' },
    ...rest,
    action: {
      argv: [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])],
      workdir: config.WorkingDir ?? '',
      user: config.User ?? '',
      imageEnv: config.Env ?? [],
      environment: { PORT: '8080', VCAP_APPLICATION: '{"application_name":"dora"}' },
      ...action,
    },
    resources: {
      memoryMb: 64,
      diskMb: 64,
      cpuWeight: 1,
      maxPids: 64,
      nofile: 1_024,
      logRateBytesPerSecond: -1,
      ...resources,
    },
  };
}
