import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BoundService } from './bound-service.ts';
import { deliverServices, type ServiceDelivery, serviceMode, systemEnvironment } from './service-delivery.ts';
import { vcapServices } from './vcap-services.ts';

const service = (
  name: string,
  credentials: Readonly<Record<string, unknown>> = {},
  more: Partial<BoundService['binding']> = {},
): BoundService => ({
  instance: { guid: 'i', name, tags: ['sql'] },
  binding: { guid: 'b', name: null, ...more },
  credentials,
});

function built(delivery: ServiceDelivery): Extract<ServiceDelivery, { outcome: 'built' }> {
  if (delivery.outcome !== 'built') throw new Error(delivery.reason);
  return delivery;
}
const filesOf = (delivery: ServiceDelivery): Record<string, string> =>
  Object.fromEntries(
    built(delivery).files.flatMap(({ files }) => files.map(({ path, content }) => [path, content] as const)),
  );
const reason = (delivery: ServiceDelivery): string => (delivery.outcome === 'rejected' ? delivery.reason : '');

test('the features of an app say how, and a variable is what it is without them', () => {
  const app = { service_binding_k8s_enabled: 0, file_based_vcap_services_enabled: 0 };
  expect(serviceMode(app)).toBe('environment');
  expect(serviceMode({ ...app, file_based_vcap_services_enabled: 1 })).toBe('vcap-file');
  expect(serviceMode({ ...app, service_binding_k8s_enabled: 1 })).toBe('k8s');
  const services = [service('db', { uri: 'x' })];
  const { variables, files } = built(deliverServices('environment', services));
  expect(JSON.parse(variables.VCAP_SERVICES as string)).toEqual(vcapServices(services));
  expect(files).toEqual([]);
});

test('a database among them is DATABASE_URL too, however services are delivered', () => {
  const services = [service('db', { uri: 'postgresql://u:p@host/db' })];
  for (const mode of ['environment', 'vcap-file', 'k8s'] as const) {
    expect(built(deliverServices(mode, services)).variables).toMatchObject({ DATABASE_URL: 'postgres://u:p@host/db' });
  }
});

describe('VCAP_SERVICES as a file', () => {
  test('has the variable’s content, and the variable names the file instead', () => {
    const services = [service('db', { uri: 'x' })];
    const delivery = built(deliverServices('vcap-file', services));
    expect(delivery.variables).toEqual({ VCAP_SERVICES_FILE_PATH: '/etc/cf-service-bindings/vcap_services' });
    expect(delivery.files.map(({ destination }) => destination)).toEqual(['/etc/cf-service-bindings']);
    expect(JSON.parse(filesOf(delivery).vcap_services as string)).toEqual(vcapServices(services));
    expect(filesOf(deliverServices('vcap-file', []))).toEqual({ vcap_services: '{}' });
  });

  test('may have a million bytes with its name, and not one more', () => {
    const fill = (extra: number): ServiceDelivery => {
      const empty = filesOf(deliverServices('vcap-file', [service('db', { a: '' })])).vcap_services as string;
      const room = 1_000_000 - 'vcap_services'.length - empty.length;
      return deliverServices('vcap-file', [service('db', { a: 'x'.repeat(room + extra) })]);
    };
    expect(fill(0).outcome).toBe('built');
    expect(reason(fill(1))).toBe(
      'Cannot build service binding files for app - Bindings exceed the maximum allowed bytesize of 1000000: 1000001',
    );
  });
});

describe('a directory for each binding', () => {
  test('has a file for each credential, and what the binding is', () => {
    const delivery = deliverServices('k8s', [
      service('db', { username: 'u', port: 5432, hosts: ['a', 'b'], name: 'overwritten', empty: {}, none: null }),
      service('other', {}, { name: 'cache' }),
    ]);
    expect(built(delivery).variables).toEqual({ SERVICE_BINDING_ROOT: '/etc/cf-service-bindings' });
    const common = { label: 'user-provided', type: 'user-provided', provider: 'user-provided', tags: '["sql"]' };
    const expected = {
      db: { ...common, username: 'u', port: '5432', hosts: '["a","b"]', name: 'db', instance_name: 'db' },
      cache: { ...common, name: 'cache', instance_name: 'other', binding_name: 'cache' },
    };
    const flat = Object.entries(expected).flatMap(([directory, files]) =>
      Object.entries({ ...files, instance_guid: 'i', binding_guid: 'b' }).map(([name, content]) => [
        `${directory}/${name}`,
        content,
      ]),
    );
    expect(filesOf(delivery)).toEqual(Object.fromEntries(flat));
  });

  test('is refused where names cannot be files', () => {
    const prefix = 'Cannot build service binding files for app - ';
    expect(reason(deliverServices('k8s', [service('My DB')]))).toBe(
      `${prefix}Invalid binding name: 'My DB'. Name must match /^[a-z0-9\\-.]{1,253}$/`,
    );
    expect(reason(deliverServices('k8s', [service('..')]))).toContain("Invalid binding name: '..'");
    expect(reason(deliverServices('k8s', [service('db', { 'a/b': 'x' })]))).toBe(`${prefix}Invalid file name: a/b`);
    expect(reason(deliverServices('k8s', [service('db', { '..': 'x' })]))).toBe(`${prefix}Invalid file name: ..`);
    expect(reason(deliverServices('k8s', [service('db'), service('x', {}, { name: 'db' })]))).toBe(
      `${prefix}Duplicate binding name: db`,
    );
  });

  test('never has a path that leads anywhere else, nor one twice, nor too much', () => {
    const names = fc.oneof(fc.constantFrom('.', '..', 'a', 'a.b', 'A', '/', '', 'type'), fc.string({ maxLength: 5 }));
    const bound = fc.record({ name: names, credentials: fc.dictionary(names, fc.jsonValue()) });
    fc.assert(
      fc.property(fc.array(bound, { maxLength: 4 }), (services) => {
        const delivery = deliverServices(
          'k8s',
          services.map(({ name, credentials }) => service(name, credentials)),
        );
        if (delivery.outcome === 'rejected') return;
        const files = delivery.files.flatMap((each) => each.files);
        expect(new Set(files.map(({ path }) => path)).size).toBe(files.length);
        for (const { path } of files) {
          const parts = path.split('/');
          expect(parts).toHaveLength(2);
          expect(parts.every((part) => /^[a-z0-9\-._]+$/.test(part) && part !== '.' && part !== '..')).toBe(true);
        }
      }),
    );
  });
});

test('what cf env shows names the place, not the content', () => {
  expect(systemEnvironment('k8s', [service('db', { password: 'x' })])).toEqual({
    SERVICE_BINDING_ROOT: '/etc/cf-service-bindings',
  });
  expect(systemEnvironment('environment', [])).toEqual({ VCAP_SERVICES: {} });
});
