import { expect, test } from 'vitest';
import { CommandReport, shapeOf } from './command-report.ts';

test('a line for each command with its flags, failures last', () => {
  const report = new CommandReport();
  report.add({ version: 'v8', flow: 'a', args: ['push', 'web', '-o', 'image', '-i', '2'] });
  report.add({ version: 'v8', flow: 'b', args: ['push', 'other', '-i', '1', '-o', 'image'] });
  report.add({ version: 'v8', flow: 'a', args: ['apps'], failure: 'no apps' });
  report.add({ version: 'v9', flow: 'a', args: ['apps'] });
  report.note('by the way');
  expect(
    report.table([
      { version: 'v8', description: 'cf version 8' },
      { version: 'v9', description: 'recordings' },
    ]),
  ).toBe(
    `v8: cf version 8
v9: recordings

cf command  v8          v9
apps        FAIL 1/1    pass
push -i -o  pass x2     -

by the way
FAIL v8 a: cf apps
     no apps
2 commands with their flags, run 4 times: 3 passed, 1 failed
`,
  );
});

test('what holds for a version is repeated for another, failures too', () => {
  const report = new CommandReport();
  report.add({ version: 'v8', flow: 'a', args: ['apps'] });
  report.repeat('a', 'v8', 'v9');
  expect(report.table([{ version: 'v9', description: 'same' }])).toContain('apps        pass');
  report.add({ version: 'v8', flow: 'b', args: ['apps'], failure: 'no' });
  expect(() => report.repeat('b', 'v8', 'v9')).toThrow('b failed with v8');
});

test.each([
  [['push', 'a', '--strategy', 'rolling', '-o', 'x'], 'push --strategy rolling -o'],
  [['set-label', 'app', 'a', 'k=v'], 'set-label app'],
  [['set-health-check', 'a', 'http', '--endpoint', '/x'], 'set-health-check http --endpoint'],
  [['push', 'a', '--var', 'x=1', '--var', 'y=2'], 'push --var'],
])('%j is shown as %s', (args, shape) => {
  expect(shapeOf(args)).toBe(shape);
});
