import { describeError } from '@slipway/service-kit';
import type { PlaceFailure } from '../domain/layer-search.ts';
import { isFinal } from '../domain/pull-retry.ts';
import { RepError } from '../errors.ts';
import { kindOf } from './step.ts';

/**
 * What the places that were asked for a layer answered, as one error. It is worth another try unless every one of them
 * refused for good. A single refusal is the error itself.
 */
export function layerUnavailable(digest: string, failures: readonly PlaceFailure[]): unknown {
  const errors = failures.filter(({ error }) => error !== undefined).map(({ error }) => error);
  if (errors.length === 1 && failures.length === 1) return errors[0];
  const kinds = errors.map((error) => kindOf(error));
  const kind = kinds.find((each) => !isFinal(each)) ?? kinds.at(-1) ?? 'not-found';
  const said = failures.map(
    ({ place, error }) => `${place}: ${error === undefined ? 'not there' : describeError(error)}`,
  );
  return new RepError('REP_LAYER_UNAVAILABLE', `layer ${digest} could not be had: ${said.join('; ')}`, { kind });
}
