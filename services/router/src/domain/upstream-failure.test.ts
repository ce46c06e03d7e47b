import { expect, test } from 'vitest';
import { answerFor, decideRetry, type UpstreamFailureKind } from './upstream-failure.ts';

const facts = { reused: false, answered: false, bodySent: false, replayable: true };

test.each<[UpstreamFailureKind, Partial<typeof facts>, string]>([
  ['dial', {}, 'another'],
  ['dial', { replayable: false }, 'another'],
  ['dial-timeout', { replayable: false }, 'another'],
  ['tls-hostname', { replayable: false }, 'another'],
  ['tls-client-refused', { bodySent: true }, 'no'],
  ['eof', {}, 'another'],
  ['eof', { reused: true }, 'same'],
  ['eof', { replayable: false }, 'no'],
  ['eof', { reused: true, replayable: false }, 'no'],
  ['eof', { answered: true }, 'no'],
  ['reset', {}, 'no'],
  ['reset', { reused: true }, 'same'],
  ['reset', { reused: true, bodySent: true }, 'no'],
  ['malformed', {}, 'no'],
  ['timeout', {}, 'no'],
  ['client-gone', {}, 'no'],
])('%s with %j: %s', (kind, more, decision) => {
  expect(decideRetry({ kind, text: '' }, { ...facts, ...more })).toBe(decision);
});

test.each<[UpstreamFailureKind, number, string]>([
  ['dial', 502, 'Bad Gateway'],
  ['tls-hostname', 503, 'Service Unavailable'],
  ['tls-untrusted', 526, 'status code 526'],
  ['tls-client-refused', 496, 'status code 496'],
  ['tls-handshake', 525, 'status code 525'],
  ['client-gone', 499, 'status code 499'],
])('%s is %i %s', (kind, status, reason) => {
  expect(answerFor({ kind, text: 'why' })).toMatchObject({ status, reason, routerError: 'endpoint_failure (why)' });
});
