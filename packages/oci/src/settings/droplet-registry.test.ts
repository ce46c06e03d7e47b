import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseReference } from '../reference.ts';
import { isDropletCopy, parseDropletRegistry } from './droplet-registry.ts';

test.each([
  ['droplets.example.com', { registry: 'droplets.example.com', prefix: '' }],
  ['Droplets.example.com:5000', { registry: 'droplets.example.com:5000', prefix: '' }],
  ['localhost:5000/slipway', { registry: 'localhost:5000', prefix: 'slipway' }],
  ['[::1]:5000/a/b-c', { registry: '[::1]:5000', prefix: 'a/b-c' }],
  ['droplets', undefined],
  ['docker.io/acme', undefined],
  ['acme/droplets', undefined],
  ['https://droplets.example.com', undefined],
  ['droplets.example.com/', undefined],
  ['droplets.example.com/a:b', undefined],
  ['droplets.example.com:0', undefined],
  ['', undefined],
])('the droplet registry %j is %j', (text, expected) => {
  expect(parseDropletRegistry(text)).toEqual(expected);
});

test('what is below the prefix is a copy, whatever the case of the host, and nothing else is', () => {
  const name = fc.stringMatching(/^[a-z0-9]{1,8}(\/[a-z0-9]{1,8}){0,2}$/);
  fc.assert(
    fc.property(name, name, (prefix, repository) => {
      const droplets = parseDropletRegistry(`r.example.com:5000/${prefix}`);
      if (droplets === undefined) throw new Error('it parses');
      const at = (text: string): boolean => isDropletCopy(droplets, parseReference(text));
      expect(at(`R.example.com:5000/${prefix}/${repository}`)).toBe(true);
      expect(at(`r.example.com:5000/${repository}`)).toBe(repository.startsWith(`${prefix}/`));
      expect(at(`r.example.com:5001/${prefix}/${repository}`)).toBe(false);
      expect(at(`r.example.com:5000/${prefix}x/${repository}`)).toBe(
        `${prefix}x/${repository}`.startsWith(`${prefix}/`),
      );
    }),
  );
});
