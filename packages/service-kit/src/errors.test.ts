import { expect, test } from 'vitest';
import { describeError } from './errors.ts';

test('an error is told with its causes, and nothing twice', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5000'), { code: 'ECONNREFUSED' });
  const registry = Object.assign(new Error('asked a registry: it refuses connections', { cause: refused }), {
    code: 'REGISTRY_UNREACHABLE',
  });
  const layer = new Error(`Downloading a layer failed: ${registry.message}`, { cause: registry });
  expect(describeError(layer)).toBe(
    'Downloading a layer failed: asked a registry: it refuses connections: connect ECONNREFUSED 127.0.0.1:5000 (ECONNREFUSED)',
  );
  expect(describeError(new Error('', { cause: 'a string' }))).toBe('Error: a string');
});

test('causes that lead in a circle are told once', () => {
  const [first, second] = [new Error('first'), new Error('second')];
  first.cause = second;
  second.cause = first;
  expect(describeError(first)).toBe('first: second');
});
