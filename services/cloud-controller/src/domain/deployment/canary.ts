/** Percent of the traffic that canaries shall get: how many there are for it, and how many originals stay beside them. */
export interface CanaryShare {
  readonly canaries: number;
  readonly originals: number;
}

/**
 * Instances of a canary step (cloud_controller_ng `canary_step_calculator`): at least one canary, and one instance more
 * than desired in all, but no original at 100 %. `weights` is empty when no steps were asked for: then there is one step
 * with one canary.
 */
export function canaryShare(weights: readonly number[], step: number, target: number): CanaryShare {
  const weight = weights[step - 1];
  if (weight === 100) return { canaries: target, originals: 0 };
  const wanted = weight === undefined ? 1 : Math.max(1, Math.round((target * weight) / 100));
  const canaries = Math.min(wanted, target);
  return { canaries, originals: Math.max(0, target - canaries + 1) };
}

/** Steps in all; without weights one. */
export function canarySteps(weights: readonly number[]): number {
  return Math.max(1, weights.length);
}

/** What is wrong with weights that a user gave. */
export function weightProblems(weights: readonly number[]): string[] {
  const ascending = weights.every((weight, index) => index === 0 || weight > (weights[index - 1] ?? 0));
  return ascending ? [] : ['Options.canary.steps must be sorted in ascending order of instance_weight, without equals'];
}
