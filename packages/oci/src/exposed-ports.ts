import { OciError } from './errors.ts';

/** A port that an image says it listens on (`EXPOSE`). */
export interface ExposedPort {
  /** 1-65535 */
  readonly port: number;
  readonly protocol: PortProtocol;
}

export type PortProtocol = 'tcp' | 'udp' | 'sctp';

/**
 * More than the widest real ranges (a TURN server's 49152-65535 over tcp and udp are 32,768), and few enough to travel in
 * one message.
 */
export const MAX_EXPOSED_PORTS = 40_000;

/** In the order of sorting: Cloud Foundry's PORT is the first tcp port. */
const PROTOCOLS: readonly PortProtocol[] = ['tcp', 'udp', 'sctp'];

/**
 * Parses EXPOSE entries: `8080`, `8080/tcp`, `53/udp`, `8000-8010/tcp` (a range, which Diego's builder refuses). The
 * result has no doubles and is sorted: tcp before udp before sctp, each ascending.
 *
 * @throws OciError EXPOSED_PORT_INVALID naming the entry, DOCUMENT_TOO_LARGE above MAX_EXPOSED_PORTS
 */
export function parseExposedPorts(entries: readonly string[]): ExposedPort[] {
  const ranges = entries.map(parseEntry);
  const ports = PROTOCOLS.flatMap((protocol) =>
    expand(
      ranges.filter((range) => range.protocol === protocol),
      protocol,
    ),
  );
  if (ports.length > MAX_EXPOSED_PORTS) {
    const limit = MAX_EXPOSED_PORTS;
    throw new OciError('DOCUMENT_TOO_LARGE', `the image exposes ${ports.length} ports; at most ${limit} are taken`, {
      details: { ports: ports.length, limit },
    });
  }
  return ports;
}

interface PortRange {
  readonly first: number;
  readonly last: number;
  readonly protocol: PortProtocol;
}

/** Each port once, ascending. Overlaps are skipped, not revisited: a config can hold a hundred thousand wide ranges. */
function expand(ranges: readonly PortRange[], protocol: PortProtocol): ExposedPort[] {
  const ports: ExposedPort[] = [];
  let next = 1;
  for (const { first, last } of ranges.toSorted((a, b) => a.first - b.first)) {
    for (next = Math.max(next, first); next <= last; next += 1) {
      ports.push({ port: next, protocol });
    }
  }
  return ports;
}

function parseEntry(entry: string): PortRange {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/([A-Za-z]+))?$/.exec(entry);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  const protocol = PROTOCOLS.find((each) => each === (match?.[3] ?? 'tcp').toLowerCase());
  if (!match || protocol === undefined || first < 1 || last > 65_535 || first > last) {
    throw new OciError(
      'EXPOSED_PORT_INVALID',
      `invalid EXPOSE entry ${JSON.stringify(entry.slice(0, 100))}: expected PORT, PORT/PROTOCOL or FIRST-LAST/PROTOCOL ` +
        'with ports of 1 to 65535 and tcp, udp or sctp',
    );
  }
  return { first, last, protocol };
}

/** The port an app of this image is told to listen on, if the image names one. */
export function lowestTcpPort(ports: readonly ExposedPort[]): number | undefined {
  return ports.reduce<number | undefined>(
    (lowest, { port, protocol }) => (protocol === 'tcp' && (lowest === undefined || port < lowest) ? port : lowest),
    undefined,
  );
}
