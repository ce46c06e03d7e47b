/** A policy as it is sent: what is left out is empty, as the policy server reads it. */
export interface SentPolicy {
  readonly source: { readonly id: string; readonly tag: string };
  readonly destination: {
    readonly id: string;
    readonly tag: string;
    readonly protocol: string;
    readonly ports: { readonly start: number; readonly end: number };
  };
}

const LAST_PORT = 65_535;

/** The first thing that is wrong with policies, in the policy server's words (`policy_validator.go`). */
export function policyProblem(policies: readonly SentPolicy[]): string | undefined {
  if (policies.length === 0) return 'missing policies';
  for (const policy of policies) {
    const problem = problemOf(policy);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function problemOf({ source, destination }: SentPolicy): string | undefined {
  const { protocol, ports } = destination;
  const { start, end } = ports;
  if (source.id === '') return 'missing source id';
  if (destination.id === '') return 'missing destination id';
  if (!isProtocol(protocol)) return 'invalid destination protocol, specify either udp or tcp';
  if (start > end) return `invalid port range ${start}-${end}, start must be less than or equal to end`;
  if (start < 0) return `invalid start port ${start}, must be in range 1-65535`;
  if (start === 0) return 'missing start port';
  if (end > LAST_PORT) return `invalid end port ${end}, must be in range 1-65535`;
  if (source.tag !== '' || destination.tag !== '') return 'tags may not be specified';
  return undefined;
}

export function isProtocol(text: string): text is 'tcp' | 'udp' {
  return text === 'tcp' || text === 'udp';
}
