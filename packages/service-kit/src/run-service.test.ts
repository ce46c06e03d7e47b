import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { createLogger } from './logger.ts';
import { type App, runService } from './run-service.ts';

/** Stands for the process: signals come in as events, the exit is what is awaited. */
function fakeProcess(): { process: NodeJS.Process; exited: Promise<number>; emitter: EventEmitter } {
  const emitter = new EventEmitter();
  const { promise, resolve } = Promise.withResolvers<number>();
  const process = Object.assign(emitter, { exit: resolve }) as unknown as NodeJS.Process;
  return { process, exited: promise, emitter };
}
const logger = createLogger('test', 'silent');
const app = (overrides: Partial<App>): App => ({
  start: async () => undefined,
  stop: async () => undefined,
  ...overrides,
});

test('SIGTERM stops the app and exits with 0', async () => {
  const { process, exited, emitter } = fakeProcess();
  const calls: string[] = [];
  const record = (name: string) => async () => void calls.push(name);
  await runService(app({ start: record('start'), stop: record('stop') }), logger, { process });
  emitter.emit('SIGTERM');
  emitter.emit('SIGTERM');
  expect(await exited).toBe(0);
  expect(calls).toEqual(['start', 'stop']);
});

test('a start that fails exits with 1 after what was started is stopped', async () => {
  const { process, exited } = fakeProcess();
  let stopped = false;
  const failing = app({
    start: () => Promise.reject(new Error('no database')),
    stop: async () => {
      stopped = true;
    },
  });
  await runService(failing, logger, { process });
  expect(await exited).toBe(1);
  expect(stopped).toBe(true);
});

test('a stop that hangs is cut off with status 1', async () => {
  const { process, exited, emitter } = fakeProcess();
  await runService(app({ stop: () => new Promise(() => undefined) }), logger, { process, stopDeadlineMs: 10 });
  emitter.emit('SIGINT');
  expect(await exited).toBe(1);
});

test('an error that nobody caught stops the service with status 1', async () => {
  const { process, exited, emitter } = fakeProcess();
  await runService(app({}), logger, { process });
  emitter.emit('unhandledRejection', new Error('lost'));
  expect(await exited).toBe(1);
});
