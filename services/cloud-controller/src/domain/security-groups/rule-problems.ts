import { parseIpv4Range } from '@slipway/contracts';

const FIELDS = ['code', 'description', 'destination', 'log', 'ports', 'protocol', 'type'];
const PROTOCOLS = ['tcp', 'udp', 'icmp', 'all'];
/** cloud_controller_ng `MAX_DESTINATIONS_PER_RULE`. */
const MAX_DESTINATIONS = 6_000;
/** Of all rules of a group, as JSON: they travel with each app of their spaces. */
const MAX_BYTES = 256 * 1024;

const BAD_PORTS =
  'ports must be a valid single port, comma separated list of ports, or range or ports, formatted as a string';
const NO_DESTINATION =
  'nil destination; destination must be a comma-delimited list of valid CIDRs, IP addresses, or IP address ranges';
const BAD_DESTINATION = 'destination must contain valid CIDR(s), IP address(es), or IP address range(s)';
const BAD_RANGE = 'destination IP address range is invalid';
const INVERTED =
  'beginning of IP address range is numerically greater than the end of its range (range endpoints are inverted)';

type Fields = Readonly<Record<string, unknown>>;

/**
 * What is wrong with the rules of a security group, in cloud_controller_ng's words (`security_group_rule_validator.rb`)
 * as configured with lists of destinations and without IPv6, which containers do not have.
 */
export function ruleProblems(rules: readonly unknown[]): string[] {
  const problems = rules.flatMap((rule, index) => problemsOf(rule).map((problem) => `Rules[${index}]: ${problem}`));
  const bytes = new TextEncoder().encode(JSON.stringify(rules)).length;
  if (problems.length === 0 && bytes > MAX_BYTES) {
    problems.push(`Rules are too large: ${bytes} bytes, of at most ${MAX_BYTES}`);
  }
  return problems;
}

function problemsOf(rule: unknown): string[] {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) return ['must be an object'];
  const fields = rule as Fields;
  const unknown = Object.keys(fields).filter((key) => !FIELDS.includes(key));
  const { protocol, description, log } = fields;
  const known = typeof protocol === 'string' && PROTOCOLS.includes(protocol);
  return [
    ...(unknown.length === 0 ? [] : [`unknown field(s): [${unknown.map((key) => JSON.stringify(key)).join(', ')}]`]),
    ...(known ? [] : ["protocol must be 'tcp', 'udp', 'icmp', or 'all'"]),
    ...destinationProblems(fields.destination),
    ...(description == null || typeof description === 'string' ? [] : ['description must be a string']),
    ...(log == null || typeof log === 'boolean' ? [] : ['log must be a boolean']),
    ...protocolProblems(fields),
  ];
}

function destinationProblems(destination: unknown): string[] {
  if (destination == null) return [NO_DESTINATION];
  if (typeof destination !== 'string') return ['destination must be a string'];
  if (/\s/.test(destination)) return ['destination must not contain whitespace'];
  const all = destination.split(',');
  if (all.length > MAX_DESTINATIONS) {
    return [`maximum destinations per rule exceeded - must be under ${MAX_DESTINATIONS}`];
  }
  return [...new Set(all.flatMap(oneDestination))];
}

function oneDestination(text: string): string[] {
  if (parseIpv4Range(text) !== undefined) return [];
  const ends = text.split('-');
  if (ends.length !== 2) return [BAD_DESTINATION];
  return ends.every((end) => !end.includes('/') && parseIpv4Range(end) !== undefined) ? [INVERTED] : [BAD_RANGE];
}

function protocolProblems({ protocol, ports, code, type }: Fields): string[] {
  switch (protocol) {
    case 'tcp':
    case 'udp':
      return [
        ...(ports == null ? ['ports are required for protocols of type TCP and UDP'] : []),
        ...(parsePorts(ports) === undefined ? [BAD_PORTS] : []),
      ];
    case 'icmp':
      return [...icmpProblems('code', code), ...icmpProblems('type', type)];
    case 'all':
      return ports == null ? [] : ['ports are not allowed for protocols of type all'];
    default:
      return [];
  }
}

function icmpProblems(name: string, value: unknown): string[] {
  const valid = typeof value === 'number' && Number.isInteger(value) && value >= -1 && value <= 255;
  return [
    ...(value == null ? [`${name} is required for protocols of type ICMP`] : []),
    ...(valid ? [] : [`${name} must be an integer between -1 and 255 (inclusive)`]),
  ];
}

/** `80, 443, 8000-8010` as `80`, `443`, `8000-8010`; undefined for anything else. */
export function parsePorts(ports: unknown): string[] | undefined {
  if (typeof ports !== 'string') return undefined;
  const found: string[] = [];
  for (const part of ports.split(',')) {
    const match = /^\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?\s*$/.exec(part);
    if (match === null) return undefined;
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (first < 1 || first > last || last > 65_535) return undefined;
    found.push(first === last ? String(first) : `${first}-${last}`);
  }
  return found;
}
