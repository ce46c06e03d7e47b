import { expect, test } from 'vitest';
import { failure, image, repositoryAt, serve } from './hostile-pull.test-support.ts';
import { always, honest } from './hostile-registry.test-support.ts';
import { defaultRetries } from './limits.ts';
import { type Ask, RegistryError } from './registry-error.ts';
import { type GateCaller, RequestGate, RequestGates } from './request-gate.ts';

const ask: Ask = { phase: 'manifest', registry: 'r.example.com', what: 'manifest a:1' };
const caller: GateCaller = { ask, signal: undefined, deadline: undefined, onWait: () => undefined };
const policy = { ...defaultRetries, baseMs: 2, capMs: 4 };
const clock = (): number => performance.now();
const gate = (): RequestGate => new RequestGate(policy, 429, clock);

function refused(status: number, retryAfterMs?: number): () => Promise<never> {
  return () =>
    Promise.reject(
      new RegistryError('RATE_LIMITED', ask, `it answered ${status}`, { status, retryAfterMs, transient: true }),
    );
}

test('of many who wait one asks, and the others only when that was answered', async () => {
  const [shared, answer] = [gate(), Promise.withResolvers<void>()];
  await expect(shared.run(caller, refused(429))).rejects.toMatchObject({ status: 429 });
  let asked = 0;
  const waits: string[] = [];
  const many = Array.from({ length: 30 }, () =>
    shared.run({ ...caller, onWait: (text) => waits.push(text) }, async () => {
      asked += 1;
      await answer.promise;
    }),
  );
  await expect.poll(() => asked).toBe(1);
  answer.resolve();
  await Promise.all(many);
  expect(asked).toBe(30);
  // The one who asks need not have waited.
  expect(waits.length).toBeGreaterThanOrEqual(29);
  expect(waits[0]).toBe('r.example.com wants fewer requests: waiting with others that ask it');
});

test('when asking fails again and again, those who wait give up without having asked', async () => {
  const shared = gate();
  await expect(shared.run(caller, refused(429))).rejects.toThrow();
  let asked = 0;
  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, () =>
      shared.run(caller, () => {
        asked += 1;
        return refused(429)();
      }),
    ),
  );
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
  expect(asked).toBe(policy.attempts);
  const words = outcomes.map((outcome) => String((outcome as PromiseRejectedResult).reason));
  expect(words.filter((text) => /it answered 429 \(\d+ s ago, to another request\)/.test(text))).toHaveLength(46);
});

test('nobody waits for longer than is worth it, or beyond the deadline', async () => {
  const long = gate();
  await expect(long.run(caller, refused(429, 3_600_000))).rejects.toThrow();
  const unasked = (): Promise<never> => Promise.reject(new Error('asked'));
  await expect(long.run(caller, unasked)).rejects.toMatchObject({
    code: 'RATE_LIMITED',
    message: expect.stringMatching(/\d s ago, to another request, to be asked again in (60 min|1 h)/),
  });
  const short = gate();
  await expect(short.run(caller, refused(429, 30_000))).rejects.toThrow();
  await expect(short.run({ ...caller, deadline: Date.now() + 10_000 }, unasked)).rejects.toMatchObject({
    code: 'RATE_LIMITED',
    retryAfterMs: expect.any(Number),
  });
});

test('who can ask somebody else does not wait', async () => {
  const shared = gate();
  await expect(shared.run(caller, refused(429, 1_000))).rejects.toThrow();
  const unasked = (): Promise<never> => Promise.reject(new Error('asked'));
  await expect(shared.run({ ...caller, impatient: true }, unasked)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
});

test('an abort ends the waiting with its reason, and of the one who asks makes room for the next', async () => {
  const [shared, reason] = [gate(), new Error('cancelled')];
  await expect(shared.run(caller, refused(429))).rejects.toThrow();
  const asker = new AbortController();
  const asking = Promise.withResolvers<void>();
  const probe = shared.run({ ...caller, signal: asker.signal }, () => {
    asking.resolve();
    return new Promise((_, reject) =>
      asker.signal.addEventListener('abort', () => reject(asker.signal.reason as Error)),
    );
  });
  await asking.promise;
  const waiting = new AbortController();
  const aborted = shared.run({ ...caller, signal: waiting.signal }, () => Promise.resolve('asked'));
  const next = shared.run(caller, () => Promise.resolve('asked'));
  waiting.abort(reason);
  await expect(aborted).rejects.toBe(reason);
  asker.abort(reason);
  await expect(probe).rejects.toBe(reason);
  expect(await next).toBe('asked');
});

test('another answer than 429 opens the gate, and none at all lets the next try', async () => {
  const shared = gate();
  await expect(shared.run(caller, refused(429))).rejects.toThrow();
  const silent = new RegistryError('REGISTRY_UNREACHABLE', ask, 'it refuses connections', { transient: true });
  await expect(shared.run(caller, () => Promise.reject(silent))).rejects.toBe(silent);
  await expect(shared.run(caller, refused(404))).rejects.toMatchObject({ status: 404 });
  expect(await shared.run(caller, () => Promise.resolve('open'))).toBe('open');
});

test('a spent allowance holds up its account only, an overload everybody, and nobody another registry', async () => {
  const gates = new RequestGates({ ...policy, maxRetryAfterMs: 1_000 }, clock);
  const run = (registry: string, account: string): Promise<string> =>
    gates.run(registry, account, caller, () => Promise.resolve('answered'));
  await expect(gates.run('a', 'alice', caller, refused(429, 60_000))).rejects.toThrow();
  await expect(run('a', 'alice')).rejects.toMatchObject({ status: 429 });
  expect(await run('a', 'bob')).toBe('answered');
  await expect(gates.run('a', 'bob', caller, refused(503, 60_000))).rejects.toThrow();
  await expect(run('a', 'carol')).rejects.toMatchObject({ status: 503 });
  expect(await run('b', 'alice')).toBe('answered');
});

test('a registry that limits the rate is not hammered, and the log tells its limit', async () => {
  let refusals = 2;
  const server = await serve((request, response) => {
    refusals -= 1;
    if (refusals >= 0) return always(429, { 'retry-after': '0', 'ratelimit-remaining': '0;w=60' })(request, response);
    response.setHeader('ratelimit-limit', '100;w=21600');
    response.setHeader('ratelimit-remaining', '76;w=21600');
    honest(image)(request, response);
  });
  const steps: string[] = [];
  await repositoryAt(server, { steps }).inspect();
  const { address } = server;
  expect(steps.filter((step) => step.includes('429'))).toHaveLength(2);
  expect(steps.find((step) => step.includes('429'))).toContain('too many requests, 0 requests in 60 s are left');
  expect(
    steps.filter((step) => step === `${address} has a rate limit: 76 of 100 requests in 6 h are left`),
  ).toHaveLength(1);
});

test('a pause that would last beyond the deadline is not begun: the error says what the registry wanted', async () => {
  const server = await serve(always(503, { 'retry-after': '50' }));
  const access = { deadline: Date.now() + 20_000 };
  const error = await failure(repositoryAt(server, {}, access).inspect());
  expect(error).toMatchObject({ code: 'REGISTRY_UNAVAILABLE', retryAfterMs: 50_000 });
  expect(server.paths.length).toBe(1);
});
