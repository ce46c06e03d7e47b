import type { EgressRule } from '@slipway/contracts';

interface Egress {
  readonly egress?: readonly EgressRule[] | undefined;
}

/** Whether both let the same connections be opened. Most often they are one object. */
export function sameEgress(a: Egress, b: Egress | undefined): boolean {
  return a === b || a.egress === b?.egress || JSON.stringify(a.egress) === JSON.stringify(b?.egress);
}

/** The one with what the other may reach. */
export function withEgressOf<T extends { readonly egress?: EgressRule[] | undefined }>(
  one: T,
  { egress }: { readonly egress?: EgressRule[] | undefined },
): T {
  const { egress: _, ...rest } = one;
  return (egress === undefined ? rest : { ...rest, egress }) as T;
}
