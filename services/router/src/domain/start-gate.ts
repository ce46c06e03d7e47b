export interface StartGateSettings {
  /** Nothing new for so long means that all have registered. */
  readonly quietMs: number;
  readonly maxWaitMs: number;
}

export interface TableState {
  readonly startedAt: number;
  /** When an endpoint last came that was not known; undefined: none yet. */
  readonly lastNewAt: number | undefined;
  /** The routes to wait for are there. */
  readonly hasRequiredRoutes: boolean;
}

/**
 * A router that has just started knows no route, and would answer 404 for apps that run. It asks everybody to register and
 * opens its listener when the table has settled. Says `open`, or when to look again unless something comes before.
 */
export function decideStart(state: TableState, now: number, settings: StartGateSettings): 'open' | { lookAt: number } {
  const deadline = state.startedAt + settings.maxWaitMs;
  if (now >= deadline) return 'open';
  if (state.lastNewAt === undefined || !state.hasRequiredRoutes) return { lookAt: deadline };
  const quietAt = state.lastNewAt + settings.quietMs;
  return now >= quietAt ? 'open' : { lookAt: Math.min(quietAt, deadline) };
}
