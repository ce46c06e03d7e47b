import { canaryShare } from './canary.ts';

/** What runs of one web process. */
export interface WebProcess {
  readonly guid: string;
  /** As it is set. */
  readonly instances: number;
  /** Instances that serve. */
  readonly routable: number;
  /** Instances that run or start and do not serve yet. */
  readonly starting: number;
  /** Instances that are down or crashed. */
  readonly unhealthy: number;
}

export type UnderWay = 'DEPLOYING' | 'PREPAUSED' | 'CANCELING';

export interface StepInput {
  readonly state: UnderWay;
  readonly maxInFlight: number;
  /** Instances of the app that shall serve in the end, and no fewer meanwhile. */
  readonly target: number;
  readonly canaryWeights: readonly number[];
  /** From 1. */
  readonly canaryStep: number;
  /** What shall stay: the new process, or when it is cancelled the one to go back to. */
  readonly wanted: WebProcess;
  /** Every other web process, in the order in which they shall go. */
  readonly others: readonly WebProcess[];
}

export interface StepDecision {
  /** Instances to be set. */
  readonly scale: readonly { readonly guid: string; readonly instances: number }[];
  /** `finish`: only what is wanted stays; `pause`: the canaries serve. */
  readonly outcome: 'continue' | 'pause' | 'finish';
  /** Did the wanted process pass, so that the step is one forward? */
  readonly healthy: boolean;
}

/**
 * The next step of a deployment (cloud_controller_ng `deployment_updater`). There is one rule for going forward, for
 * canaries and for going back: what is wanted grows only while all of it is well, and the others shrink only by what of
 * it serves already. So at every moment as many instances are left as shall serve, and at most `maxInFlight` more are
 * on their way.
 */
export function decideStep(input: StepInput): StepDecision {
  const { wanted, others, target, maxInFlight, state } = input;
  const share = state === 'PREPAUSED' ? canaryShare(input.canaryWeights, input.canaryStep, target) : undefined;
  const goal = share?.canaries ?? target;
  // Whoever goes back goes back at once: what there was ran well before.
  const stride = state === 'CANCELING' ? goal : maxInFlight;
  const healthy = wanted.unhealthy === 0;
  const serving = Math.min(wanted.routable, wanted.instances);
  const scale: { guid: string; instances: number }[] = [];

  const mayGrow =
    state === 'CANCELING' || (healthy && wanted.starting < maxInFlight && serving >= wanted.instances - maxInFlight);
  const instances = mayGrow
    ? Math.max(Math.min(serving + stride, goal), Math.min(wanted.instances, goal))
    : wanted.instances;
  if (instances !== wanted.instances) scale.push({ guid: wanted.guid, instances });

  const left = Math.max(target - serving, share?.originals ?? 0);
  if (healthy || state === 'CANCELING') scale.push(...shrink(others, left));

  const reached = serving >= goal && instances === goal && wanted.instances === goal;
  const outcome = !reached || !healthy ? 'continue' : state === 'PREPAUSED' ? 'pause' : 'finish';
  return { scale, outcome, healthy: healthy && mayGrow };
}

/** Takes from the first ones first, until `left` are left in all. */
function shrink(others: readonly WebProcess[], left: number): { readonly guid: string; readonly instances: number }[] {
  let excess = others.reduce((sum, { instances }) => sum + instances, 0) - left;
  return others.flatMap(({ guid, instances }) => {
    const taken = Math.min(Math.max(excess, 0), instances);
    excess -= taken;
    return taken === 0 ? [] : [{ guid, instances: instances - taken }];
  });
}
