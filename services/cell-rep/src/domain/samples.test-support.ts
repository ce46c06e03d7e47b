import type { DesiredLrp, DesiredTask, Instance, Placement } from '@slipway/contracts';

const digest = (character: string): string => `sha256:${character.repeat(64)}`;

/** A guid that says which one it is. */
export function sampleGuid(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

export function sampleProcessGuid(n: number): string {
  return `${sampleGuid(n)}-${sampleGuid(n)}`;
}

export function sampleLrp(changes: Partial<DesiredLrp> = {}): DesiredLrp {
  return {
    v: 1,
    processGuid: sampleProcessGuid(1),
    domain: 'cf-apps',
    updatedAt: '2026-01-01T00:00:00.000Z',
    instances: 1,
    app: {
      guid: sampleGuid(10),
      name: 'dora',
      spaceGuid: sampleGuid(11),
      spaceName: 'dev',
      organizationGuid: sampleGuid(12),
      organizationName: 'acme',
    },
    process: { guid: sampleGuid(1), type: 'web' },
    image: {
      reference: 'localhost:5000/dora:1',
      registry: 'localhost:5000',
      repository: 'dora',
      manifestDigest: digest('a'),
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      platform: { os: 'linux', architecture: 'amd64' },
      config: { digest: digest('b'), size: 100 },
      layers: [],
    },
    action: { argv: ['/server'], workdir: '/', user: 'root', imageEnv: [], environment: {} },
    ports: [8080],
    resources: { memoryMb: 64, diskMb: 64, cpuWeight: 1, maxPids: 64, nofile: 1024, logRateBytesPerSecond: -1 },
    healthCheck: { type: 'port', invocationTimeoutMs: 1_000, intervalMs: 30_000 },
    startTimeoutMs: 60_000,
    routes: [{ uri: 'dora.apps.localhost', port: 8080, protocol: 'http1' }],
    placementTags: [],
    log: { sourceId: sampleGuid(10), sourceType: 'APP/PROC/WEB' },
    metricTags: { source_id: sampleGuid(10), app_name: 'dora' },
    ...changes,
  };
}

export function samplePlacement(n: number, changes: Partial<Placement> = {}): Placement {
  return {
    v: 1,
    kind: 'placed',
    processGuid: sampleProcessGuid(1),
    index: 0,
    instanceGuid: sampleGuid(n),
    cellId: 'cell-1',
    crashCount: 0,
    placedAt: '2026-01-01T00:00:00.000Z',
    memoryMb: 64,
    diskMb: 64,
    ...changes,
  };
}

export function sampleInstance(n: number, changes: Partial<Instance> = {}): Instance {
  return {
    v: 1,
    instanceGuid: sampleGuid(n),
    processGuid: sampleProcessGuid(1),
    index: 0,
    cellId: 'cell-1',
    state: 'RUNNING',
    since: '2026-01-01T00:00:00.000Z',
    routable: true,
    address: '10.254.0.2',
    ports: [{ containerPort: 8080, hostPort: 8080 }],
    manifestDigest: digest('a'),
    ...changes,
  };
}

export function sampleTask(n: number, changes: Partial<DesiredTask> = {}): DesiredTask {
  const { app, image, action, resources, placementTags, metricTags } = sampleLrp();
  return {
    v: 1,
    kind: 'desired',
    taskGuid: sampleGuid(n),
    name: 'migrate',
    createdAt: '2026-01-01T00:00:00.000Z',
    app,
    image,
    action: { ...action, argv: ['/bin/sh', '-c', 'true'] },
    resources,
    placementTags,
    log: { sourceId: app.guid, sourceType: 'APP/TASK/migrate' },
    metricTags,
    cancel: false,
    ...changes,
  };
}
