import type { HealthChecks } from '@slipway/service-kit';

/** How far the cell is. */
export interface CellProgress {
  /** Its containers are open, and what runs is taken over. */
  readonly opened: boolean;
  readonly connected: boolean;
  /** What is placed here was read. */
  readonly attached: boolean;
  readonly evacuating: boolean;
  /** Why it cannot create containers; undefined while it can. */
  readonly reason: string | undefined;
}

/**
 * `/readyz`: it takes work. `/joined`: it does its part, whether or not it takes work; a platform whose cell is full is up all
 * the same.
 */
export function cellReadiness(progress: () => CellProgress): Pick<HealthChecks, 'notReady' | 'more'> {
  const notJoined = (): string | undefined => {
    const { opened, connected, attached } = progress();
    if (!opened) return 'containers: not opened yet';
    if (!connected) return 'NATS: not connected';
    return attached ? undefined : 'NATS: not read yet';
  };
  const notTaking = (): string | undefined => {
    const { evacuating, reason } = progress();
    if (evacuating) return 'cell: its instances are being moved';
    return reason === undefined ? undefined : `cell: ${reason}`;
  };
  return {
    notReady: () => notJoined() ?? notTaking(),
    more: {
      '/joined': () => {
        const missing = notJoined();
        return missing === undefined
          ? { status: 200, body: 'joined\n' }
          : { status: 503, body: `not joined: ${missing}\n` };
      },
    },
  };
}
