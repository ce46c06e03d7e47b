import type { BodyScanner } from './body-scanner.ts';
import { ChunkedScanner } from './chunked-scanner.ts';
import type { Framing } from './framing.ts';
import { emptyScanner, LengthScanner, UntilCloseScanner } from './plain-scanners.ts';

export interface BodyLimits {
  /** Of a trailer section. */
  readonly maxTrailerBytes: number;
  readonly maxFields: number;
}

/** How a body is passed on: byte for byte, as its payload alone, or as chunks. */
export type Delivery = 'as-is' | 'payload' | 'chunks';

/** The scanner for a body framed as `framing` that is to be delivered as `delivery`. */
export function createBodyScanner(framing: Framing, delivery: Delivery, limits: BodyLimits): BodyScanner {
  switch (framing.kind) {
    case 'none':
      return emptyScanner;
    case 'length':
      return framing.length === 0 ? emptyScanner : new LengthScanner(framing.length);
    case 'chunked':
      return new ChunkedScanner({ decode: delivery === 'payload', ...limits });
    case 'until-close':
      return new UntilCloseScanner({ chunk: delivery === 'chunks' });
  }
}
