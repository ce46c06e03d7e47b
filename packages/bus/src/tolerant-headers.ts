import { MsgHdrsImpl } from '@nats-io/nats-core/internal';

const strict = MsgHdrsImpl.decode.bind(MsgHdrsImpl);
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const END_OF_LINE = '\r\n';

function isReadable(line: string): boolean {
  try {
    strict(encoder.encode(`NATS/1.0${END_OF_LINE}${line}${END_OF_LINE}${END_OF_LINE}`));
    return true;
  } catch {
    // What the client finds wrong with it is of no matter: the line is left out.
    return false;
  }
}

/**
 * nats-server passes headers on as they are, and the client throws at one that it finds wrong: in the middle of its
 * reading from the server, which then ends, or of a stored message, which can then never be read. So whoever may publish
 * anything could cut off whoever reads it. From here on such a line counts as not there.
 */
export function tolerateHeaders(): void {
  MsgHdrsImpl.decode = (bytes) => {
    try {
      return strict(bytes);
    } catch {
      const [status = '', ...lines] = decoder.decode(bytes).split(END_OF_LINE);
      return strict(encoder.encode([status, ...lines.filter(isReadable)].join(END_OF_LINE)));
    }
  };
}
