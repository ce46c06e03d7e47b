import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type EnvironmentInput, isReservedVariable, processEnvironment, vcapApplication } from './environment.ts';

const input: EnvironmentInput = {
  ports: [8080, 9090],
  runningGroup: { SHARED: 'group', MODE: 'group' },
  userVariables: { MODE: 'user', GREETING: 'hello' },
  vcapApplication: { name: 'demo' },
  services: { VCAP_SERVICES: '{}' },
  memoryMb: 512,
};

test("the user's variables win over the running group, the platform's over both", () => {
  expect(processEnvironment(input)).toEqual({
    PORT: '8080',
    SHARED: 'group',
    MODE: 'user',
    GREETING: 'hello',
    VCAP_APPLICATION: '{"name":"demo"}',
    MEMORY_LIMIT: '512m',
    VCAP_SERVICES: '{}',
  });
});

test('without a port there is no PORT', () => {
  expect(processEnvironment({ ...input, ports: [] })).not.toHaveProperty('PORT');
});

test('whatever a user sets, what the platform says of the app stays', () => {
  const names = fc.oneof(
    fc.constantFrom('PORT', 'VCAP_APPLICATION', 'VCAP_SERVICES', 'VMC', 'MEMORY_LIMIT', 'A'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.dictionary(names, fc.string()), (userVariables) => {
      const environment = processEnvironment({ ...input, userVariables });
      expect(environment.PORT).toBe('8080');
      expect(environment.MEMORY_LIMIT).toBe('512m');
      expect(environment.VCAP_SERVICES).toBe('{}');
      expect(JSON.parse(environment.VCAP_APPLICATION ?? '')).toMatchObject({ name: 'demo' });
      for (const [name, value] of Object.entries(userVariables)) {
        if (!isReservedVariable(name) && name !== 'MEMORY_LIMIT') expect(environment[name]).toBe(value);
      }
    }),
  );
});

test('VCAP_APPLICATION has what Cloud Foundry puts there', () => {
  const application = vcapApplication({
    apiUrl: 'http://localhost:8080',
    app: { guid: 'app-guid', name: 'demo' },
    space: { guid: 'space-guid', name: 'dev' },
    organization: { guid: 'org-guid', name: 'acme' },
    process: { guid: 'process-guid', type: 'web', version: 'version' },
    limits: { memoryMb: 512, diskMb: 1024, fileDescriptors: 16_384 },
    uris: ['demo.apps.localhost'],
  });
  expect(application).toEqual({
    cf_api: 'http://localhost:8080',
    limits: { fds: 16_384, mem: 512, disk: 1024 },
    application_name: 'demo',
    application_uris: ['demo.apps.localhost'],
    name: 'demo',
    space_name: 'dev',
    space_id: 'space-guid',
    organization_id: 'org-guid',
    organization_name: 'acme',
    uris: ['demo.apps.localhost'],
    process_id: 'process-guid',
    process_type: 'web',
    application_id: 'app-guid',
    version: 'version',
    application_version: 'version',
  });
});
