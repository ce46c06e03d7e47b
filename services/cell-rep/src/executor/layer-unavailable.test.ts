import { CodedError } from '@slipway/service-kit';
import { expect, test } from 'vitest';
import { layerUnavailable } from './layer-unavailable.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const refused = new CodedError('DENIED', 'forbidden', 'asked r.test for blob x: 403');
const away = new CodedError('UNREACHABLE', 'unavailable', 'asked d.test for blob x: no answer');

test('what every place said is in the message, and one that may get better makes it worth another try', () => {
  const error = layerUnavailable(digest, [
    { place: 'other cells', error: undefined },
    { place: 'the droplet registry d.test', error: away },
    { place: 'the registry r.test', error: refused },
  ]);
  expect(error).toMatchObject({
    code: 'REP_LAYER_UNAVAILABLE',
    kind: 'unavailable',
    message: `layer ${digest} could not be had: other cells: not there; the droplet registry d.test: asked d.test for blob x: no answer; the registry r.test: asked r.test for blob x: 403`,
  });
});

test('when nobody has it but a registry that refuses, that is final', () => {
  const error = layerUnavailable(digest, [
    { place: 'other cells', error: undefined },
    { place: 'the registry r.test', error: refused },
  ]);
  expect(error).toMatchObject({ code: 'REP_LAYER_UNAVAILABLE', kind: 'forbidden' });
});

test('where only one place is asked, what it said is the error', () => {
  expect(layerUnavailable(digest, [{ place: 'the registry r.test', error: refused }])).toBe(refused);
});
