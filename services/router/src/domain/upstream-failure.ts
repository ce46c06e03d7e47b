import type { RouterAnswer } from './router-answer.ts';

/** How an attempt to be answered by a backend failed. */
export type UpstreamFailureKind =
  | 'dial'
  | 'dial-timeout'
  | 'tls-hostname'
  | 'tls-untrusted'
  | 'tls-client-refused'
  | 'tls-handshake'
  | 'eof'
  | 'reset'
  | 'malformed'
  | 'too-large'
  | 'timeout'
  | 'no-endpoint'
  | 'client-gone';

export interface UpstreamFailure {
  readonly kind: UpstreamFailureKind;
  /** In Go's words, as Gorouter puts it into X-Cf-RouterError; made of ASCII without line ends. */
  readonly text: string;
}

interface Consequence {
  readonly status: number;
  /** Nothing of the request can have reached an app. */
  readonly unsent: boolean;
  readonly marksFailed: boolean;
  /** The certificate shows that another now has the address: out of the pool until it is registered again. */
  readonly prunesTls: boolean;
}

const refused: Consequence = { status: 502, unsent: true, marksFailed: true, prunesTls: true };
const broken: Consequence = { status: 502, unsent: false, marksFailed: false, prunesTls: false };

/** Gorouter's table (`proxy/fails/`). */
const consequences: Readonly<Record<UpstreamFailureKind, Consequence>> = {
  dial: refused,
  'dial-timeout': refused,
  'tls-hostname': { ...refused, status: 503 },
  'tls-untrusted': { ...refused, status: 526 },
  'tls-client-refused': { ...refused, status: 496 },
  'tls-handshake': { ...refused, status: 525 },
  eof: broken,
  reset: { ...broken, marksFailed: true },
  malformed: broken,
  'too-large': broken,
  timeout: broken,
  'no-endpoint': broken,
  'client-gone': { ...broken, status: 499 },
};

export function consequenceOf(failure: UpstreamFailure): Consequence {
  return consequences[failure.kind];
}

export interface AttemptFacts {
  /** The connection had served a request before, so its backend may have closed it for being idle. */
  readonly reused: boolean;
  /** Any byte of a response came. */
  readonly answered: boolean;
  /** Body bytes went out; they are not kept, so that they cannot go out again. */
  readonly bodySent: boolean;
  /** Sending the request twice does no harm: no body, and a safe method or an idempotency key. */
  readonly replayable: boolean;
}

/** `same`: once more to this endpoint on a new connection; it was not at fault. */
export type RetryDecision = 'same' | 'another' | 'no';

/** Whether the request may be sent again after `failure`. */
export function decideRetry(failure: UpstreamFailure, facts: AttemptFacts): RetryDecision {
  const { kind } = failure;
  if (facts.bodySent) return 'no';
  if (consequenceOf(failure).unsent) return 'another';
  if (facts.answered || !facts.replayable || (kind !== 'eof' && kind !== 'reset')) return 'no';
  if (facts.reused) return 'same';
  return kind === 'eof' ? 'another' : 'no';
}

/** Go gives these no reason phrase. */
const reasons: Readonly<Record<number, string>> = { 502: 'Bad Gateway', 503: 'Service Unavailable' };
const texts: Readonly<Record<number, string>> = {
  496: '496 SSL Certificate Required',
  499: '499 Request Cancelled',
  502: '502 Bad Gateway: Registered endpoint failed to handle the request.',
  503: '503 Service Unavailable',
  525: '525 SSL Handshake Failed',
  526: '526 Invalid SSL Certificate',
};

export function answerFor(failure: UpstreamFailure): RouterAnswer {
  const { status } = consequenceOf(failure);
  return {
    status,
    reason: reasons[status] ?? `status code ${status}`,
    routerError: `endpoint_failure (${failure.text})`,
    cacheControl: '',
    message: texts[status] ?? '',
  };
}
