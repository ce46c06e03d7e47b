import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { CodedError } from './errors.ts';
import { createLogger } from './logger.ts';
import { Secret } from './secret.ts';

function logOnce(write: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown> {
  const lines: string[] = [];
  write(createLogger('test', 'info', { write: (line) => lines.push(line) }));
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

test('a line has the event, the service, the level by name and an ISO time', () => {
  const line = logOnce((logger) => logger.info({ instanceGuid: 'x' }, 'lrp.claimed'));
  expect(line).toMatchObject({ level: 'info', service: 'test', msg: 'lrp.claimed', instanceGuid: 'x' });
  expect(Date.parse(String(line.time))).not.toBeNaN();
});

test('no secret reaches a line', () => {
  const line = logOnce((logger) =>
    logger.info({ password: 'hunter2', request: { authorization: 'hunter2' }, key: new Secret('hunter2') }, 'x'),
  );
  expect(JSON.stringify(line)).not.toContain('hunter2');
});

test('an error keeps its code and the messages of its causes', () => {
  const cause = new Error('connection refused');
  const error = new CodedError('PULL_FAILED', 'unavailable', 'cannot pull', { cause });
  const line = logOnce((logger) => logger.error({ err: error }, 'x'));
  expect(line.err).toMatchObject({ code: 'PULL_FAILED', message: 'cannot pull: connection refused' });
});

test('an endless error makes no endless line', () => {
  const line = logOnce((logger) => logger.error({ err: new Error('x'.repeat(1_000_000)) }, 'x'));
  expect(JSON.stringify(line).length).toBeLessThan(20_000);
});

test('a process whose log nobody reads any more can still end', async () => {
  const logger = JSON.stringify(new URL('./logger.ts', import.meta.url).href);
  const script = `
    import { createLogger } from ${logger};
    const logger = createLogger('test');
    process.stdin.resume().once('end', () => {
      for (let i = 0; i < 1_000; i++) logger.info('nobody.listens');
      setTimeout(() => {
        logger.info('nobody.listens');
        process.exit(7);
      }, 10);
      if (process.argv[1] === 'at-once') process.exit(7);
    });
  `;
  for (const when of ['at-once', 'later']) {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script, when], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    child.stdout.destroy();
    child.stdin.end();
    expect((await once(child, 'exit'))[0]).toBe(7);
  }
});
