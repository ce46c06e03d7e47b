import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseReference } from '../reference.ts';
import { isDropletCopy, mayBeDropletCopy, parseDropletRegistry } from './droplet-registry.ts';

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

test.each([
  ['r.example.com/own', 'r.example.com:443/own/docker.io/acme/app', true],
  ['r.example.com/own', 'R.example.com:0443/own/docker.io/acme/app', true],
  ['r.example.com/own', 'r.example.com:80/own/docker.io/acme/app', true],
  ['r.example.com:443/own', 'r.example.com/own/docker.io/acme/app', true],
  ['r.example.com:80', 'r.example.com/docker.io/acme/app', true],
  ['r.example.com:5000/own', 'r.example.com:05000/own/docker.io/acme/app', true],
  ['[::1]:5000/own', '[0:0::1]:5000/own/docker.io/acme/app', true],
  ['r.example.com:5000/own', 'r.example.com/own/docker.io/acme/app', false],
  ['r.example.com/own', 'r.example.com:5000/own/docker.io/acme/app', false],
  ['r.example.com/own', 'r.example.com:443/acme/app', false],
  ['r.example.com/own', 's.example.com:443/own/docker.io/acme/app', false],
])('with the droplet registry %s, that %s may be a copy is %s', (text, reference, expected) => {
  const droplets = parseDropletRegistry(text);
  if (droplets === undefined) throw new Error('it parses');
  expect(mayBeDropletCopy(droplets, parseReference(reference))).toBe(expected);
});
