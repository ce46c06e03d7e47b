import { expect, test } from 'vitest';
import { vcapServices } from './vcap-services.ts';

test('without services there is an empty object', () => {
  expect(vcapServices([])).toEqual({});
});

test('a service goes by the name of its binding, else by its own', () => {
  const instance = { guid: 'instance', name: 'database', tags: ['sql'] };
  const credentials = { uri: 'postgres://elsewhere' };
  const named = { instance, binding: { guid: 'one', name: 'primary' }, credentials };
  const nameless = { instance, binding: { guid: 'two', name: null }, credentials };
  expect(vcapServices([named, nameless])).toEqual({
    'user-provided': [
      {
        label: 'user-provided',
        name: 'primary',
        tags: ['sql'],
        instance_guid: 'instance',
        instance_name: 'database',
        binding_guid: 'one',
        binding_name: 'primary',
        credentials,
        syslog_drain_url: null,
        volume_mounts: [],
      },
      expect.objectContaining({ name: 'database', binding_name: null }),
    ],
  });
});
