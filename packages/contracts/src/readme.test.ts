import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { busAccess, serviceNames } from './bus-access.ts';
import { buckets, streams } from './topology.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

test('the README names every stream, every bucket and every subject', () => {
  for (const { name } of [...Object.values(streams), ...Object.values(buckets)])
    expect(readme).toContain(`\`${name}\``);
  const subjects = new Set(
    serviceNames.flatMap((service) => {
      const { publish, subscribe, answer } = busAccess(service);
      return [...publish, ...subscribe, ...answer];
    }),
  );
  for (const subject of subjects) expect(readme).toContain(`\`${subject.replace('.*', '.<')}`);
});
