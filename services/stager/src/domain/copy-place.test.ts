import { parseReference } from '@slipway/oci';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { copyRepository, describeCopy } from './copy-place.ts';

const droplets = { registry: 'droplets.example.com', prefix: 'slipway' };

test.each([
  ['nginx', 'slipway/docker.io/library/nginx'],
  ['Registry.example.com:5000/team/app', 'slipway/registry.example.com_5000/team/app'],
  ['[::1]:5000/app', 'slipway/ipv6__0--1_5000/app'],
  ['[2001:db8::]/app', 'slipway/ipv6__2001-db8--0/app'],
  [
    `r.example.com/${'a'.repeat(250)}`,
    'slipway/sha256__ba8acadb7e4c31c52d37f3d4bbb4c02d6c1a8e2cfbc9d6c8b0e34b9ed0a1b2c3',
  ],
])('%s is copied to %s', (reference, repository) => {
  const copied = copyRepository(droplets, parseReference(reference));
  if (repository.includes('sha256__')) expect(copied).toMatch(/^slipway\/sha256__[0-9a-f]{64}$/);
  else expect(copied).toBe(repository);
});

test('every upstream repository has a copy of its own, with a name that registries take', () => {
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
  const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });
  const host = fc.oneof(
    fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => labels.join('.')),
    fc
      .ipV6()
      .filter((text) => !text.includes('.'))
      .map((address) => `[${address}]`),
  );
  const part = fc.stringMatching(/^[a-z0-9]{1,100}((__|[._]|-{1,3})[a-z0-9]{1,20}){0,2}$/);
  const place = fc
    .record({ host, port, parts: fc.array(part, { minLength: 1, maxLength: 3 }) })
    .map(({ host: name, port: at, parts }) => `${name}${at === undefined ? ':1' : `:${at}`}/${parts.join('/')}`)
    .filter((text) => text.length < 255);
  fc.assert(
    fc.property(fc.uniqueArray(place, { minLength: 2, maxLength: 5 }), (texts) => {
      const references = texts.flatMap((text) => {
        try {
          return [parseReference(text)];
        } catch {
          // All-digit hosts and the like, which no URL has.
          return [];
        }
      });
      const upstream = new Set(references.map(({ registry, repository }) => `${registry.toLowerCase()}/${repository}`));
      const copies = new Set(references.map((reference) => copyRepository(droplets, reference)));
      expect(copies.size).toBe(upstream.size);
      for (const copy of copies) {
        expect(parseReference(`${droplets.registry}/${copy}`)).toEqual({
          registry: droplets.registry,
          repository: copy,
        });
      }
    }),
  );
});

test('what was copied is told by what became of it, with its bytes', () => {
  const blob = (how: 'copied' | 'mounted' | 'there', size: number) => ({ how, size });
  expect(describeCopy([blob('there', 500), blob('copied', 1_200_000), blob('copied', 30_000_000)])).toBe(
    '2 copied (31.2 MB), 1 there already (500 bytes)',
  );
  expect(describeCopy([blob('mounted', 2_000_000)])).toBe('1 mounted (2.0 MB)');
});
