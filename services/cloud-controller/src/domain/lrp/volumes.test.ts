import { expect, test } from 'vitest';
import { vcapServices } from './vcap-services.ts';
import { lrpVolumes, volumeProblem, volumesProblem } from './volumes.ts';

const service = (credentials: Record<string, unknown>, name = 'data') => ({
  instance: { guid: 'i', name, tags: [] },
  binding: { guid: 'b', name: null },
  credentials,
});
const volume = { source: '/srv/shared/data', mount: '/data' };

test('a service with a volume is mounted, and tells the app where but not of what', () => {
  const data = service({ volume: { ...volume, readonly: true, uid: 1000, gid: 0 }, note: 'x' });
  expect(lrpVolumes([data, service({ uri: 'redis://x' }, 'cache')])).toEqual({
    volumes: [{ name: 'data', source: '/srv/shared/data', destination: '/data', readOnly: true, uid: 1000, gid: 0 }],
  });
  expect(vcapServices([data])['user-provided']).toMatchObject([
    { credentials: { note: 'x' }, volume_mounts: [{ container_dir: '/data', device_type: 'shared', mode: 'r' }] },
  ]);
  expect(JSON.stringify(vcapServices([data]))).not.toContain('/srv/shared');
  expect(vcapServices([service({ volume })])['user-provided']?.[0]?.volume_mounts[0]?.mode).toBe('rw');
});

test('without one nothing is mounted', () => {
  expect(lrpVolumes([])).toEqual({});
  expect(lrpVolumes([service({})])).toEqual({});
  expect(volumeProblem({ uri: 'x' })).toBeUndefined();
  expect(volumeProblem({ volume })).toBeUndefined();
});

test.each([
  [{ volume: 'x' }, 'volume Invalid input'],
  [{ volume: { source: '/a' } }, 'volume.mount'],
  [{ volume: { ...volume, source: 'relative' } }, 'volume.source must be an absolute path'],
  [{ volume: { ...volume, source: '/a/../etc' } }, 'volume.source must be'],
  [{ volume: { ...volume, mount: '/' } }, 'volume.mount must be'],
  [{ volume: { ...volume, mount: '/a//b' } }, 'volume.mount must be'],
  [{ volume: { ...volume, uid: -1 } }, 'volume.uid'],
  [{ volume: { ...volume, uid: 4_294_967_295 } }, 'volume.uid'],
  [{ volume: { ...volume, mode: 'rw' } }, 'mode'],
])('%j is refused for its %s', (credentials, problem) => {
  expect(volumeProblem(credentials)).toContain(problem);
});

test('two volumes at one path are refused with both their names', () => {
  const elsewhere = service({ volume: { ...volume, mount: '/other' } }, 'c');
  const problem = volumesProblem([service({ volume }, 'a'), elsewhere, service({ volume }, 'b')]);
  expect(problem).toBe("The service instances 'a' and 'b' are both volumes to be mounted at /data");
  expect(volumesProblem([service({ volume }, 'a'), elsewhere, service({}, 'b')])).toBeUndefined();
  expect(volumesProblem([service({ volume: 5 }, 'a')])).toContain("(service instance 'a')");
});
