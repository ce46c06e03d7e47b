import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StopRequested } from '../process/stop-signal.ts';
import { appNameOf, readDemoOptions } from './demo-options.ts';
import { PhaseFailed, phasesOf } from './phases.ts';

test.each([
  [[], { exit: false, image: undefined }],
  [['--exit'], { exit: true, image: undefined }],
  [['--image', 'ghcr.io/a/b:1', '--exit'], { exit: true, image: 'ghcr.io/a/b:1' }],
])('the arguments %j are understood', (args, options) => {
  expect(readDemoOptions(args)).toEqual(options);
});

test.each([[['--imgae', 'x']], [['x']], [['--image']], [['--image', '']]])('the arguments %j get the usage', (args) => {
  expect(() => readDemoOptions(args)).toThrow('usage: npm run demo');
});

test.each([
  [undefined, 'demo'],
  ['127.0.0.1:5000/team/Web_App:v1', 'web-app'],
  ['nginx@sha256:00', 'nginx'],
  ['localhost:5000/...:x', 'demo'],
])('the app of image %s is called %s', (image, name) => {
  expect(appNameOf(image)).toBe(name);
});

test('every image gives a name that is a host label', () => {
  fc.assert(
    fc.property(fc.string(), (image) => {
      expect(appNameOf(image)).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    }),
  );
});

test('each phase is said with its time and what came out', async () => {
  const said: string[] = [];
  const phase = phasesOf((line) => said.push(line), new AbortController().signal);
  await phase(
    'stage',
    async () => 3,
    (n) => `${n} layers`,
  );
  expect(said).toEqual([expect.stringMatching(/^ +\d+\.\d\d s {2}stage: 3 layers$/)]);
});

test('a failure names the phase and every cause', async () => {
  const phase = phasesOf(() => {}, new AbortController().signal);
  const failed = phase('stage', async () => {
    throw new Error('no answer', { cause: new Error('ECONNREFUSED') });
  });
  await expect(failed).rejects.toThrow(PhaseFailed);
  await expect(failed).rejects.toThrow('stage: no answer: ECONNREFUSED');
});

test('a stop ends the phase at once, and no other begins', async () => {
  const stop = new AbortController();
  const phase = phasesOf(() => {}, stop.signal);
  const running = phase('stage', () => new Promise(() => {}));
  stop.abort(new StopRequested('SIGINT'));
  await expect(running).rejects.toThrow('stopped by SIGINT');
  await expect(phase('start', async () => expect.unreachable())).rejects.toThrow(StopRequested);
});
