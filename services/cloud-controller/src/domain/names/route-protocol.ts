/** What a route's destination is spoken to with. */
export type RouteProtocol = 'http1' | 'http2';

/** Said whenever someone asks for it; it is kept, and shown, as on Cloud Foundry. */
const HTTP2_IS_NOT_SPOKEN =
  'The router speaks HTTP/1.1 to apps: the protocol http2 is kept with the destination, and the app gets HTTP/1.1.';

/** What whoever asks for these protocols should know. */
export function protocolWarnings(protocols: readonly (RouteProtocol | null | undefined)[]): string[] {
  return protocols.includes('http2') ? [HTTP2_IS_NOT_SPOKEN] : [];
}
