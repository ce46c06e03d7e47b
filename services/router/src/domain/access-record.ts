import type { RequestHead } from './http/request-head.ts';
import type { EndpointSpec } from './routes/endpoint.ts';

/** One request as the access log and the metrics see it. */
export interface AccessRecord {
  readonly request: RequestHead;
  /** ms since the epoch. */
  readonly receivedAt: number;
  /** 499: the client left before a response began. */
  readonly status: number;
  /** Body bytes received from the client, and sent to it. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** `ip:port` of the client. */
  readonly remoteAddress: string;
  readonly requestId: string;
  /** The endpoint that answered or was tried last. */
  readonly endpoint: EndpointSpec | undefined;
  /** Endpoints tried. */
  readonly attempts: number;
  /** From the request's head to the response's last byte. */
  readonly totalMs: number;
  /** The part of it that was the router's: until the request went to the backend. */
  readonly routerMs: number;
  /** X-Cf-RouterError; also set when a response broke off. */
  readonly routerError: string;
}
