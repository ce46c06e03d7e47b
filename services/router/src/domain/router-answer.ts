import type { RequestFault } from './http/request-head.ts';

/** A response that the router makes itself. */
export interface RouterAnswer {
  readonly status: number;
  readonly reason: string;
  /** X-Cf-RouterError; empty: none. */
  readonly routerError: string;
  /** Empty: none. */
  readonly cacheControl: string;
  /** One line without its newline; empty: no body. */
  readonly message: string;
}

const answer = (
  status: number,
  reason: string,
  text: string,
  routerError: string,
  cacheControl = '',
): RouterAnswer => ({ status, reason, routerError, cacheControl, message: `${status} ${reason}: ${text}` });

/** So that a route that appears is not hidden by a cache. */
const NEVER = 'no-cache, no-store';
const BRIEFLY = 'public,max-age=2';

/** Gorouter's answers, word for word (`handlers/`, `errorwriter/`). */
export const routerAnswers = {
  unknownRoute: (host: string): RouterAnswer =>
    answer(404, 'Not Found', `Requested route ('${host}') does not exist.`, 'unknown_route', NEVER),
  emptyHost: (): RouterAnswer => answer(400, 'Bad Request', 'Request had empty Host header', 'empty_host', BRIEFLY),
  invalidAppInstance: (): RouterAnswer =>
    answer(400, 'Bad Request', 'Invalid X-CF-App-Instance Header', 'invalid_cf_app_instance_header', NEVER),
  invalidProcessInstance: (): RouterAnswer =>
    answer(400, 'Bad Request', 'Invalid X-CF-Process-Instance Header', 'invalid_cf_process_instance_header', NEVER),
  unknownInstance: (kind: 'app' | 'process', guid: string, index: string, host: string): RouterAnswer => {
    const named = `Requested instance ('${index}') with ${kind === 'app' ? '' : 'process '}guid ('${guid}')`;
    return answer(400, 'Bad Request', `${named} does not exist for route ('${host}')`, 'unknown_route', NEVER);
  },
  noEndpoints: (host: string): RouterAnswer =>
    answer(
      503,
      'Service Unavailable',
      `Requested route ('${host}') has no available endpoints.`,
      'no_endpoints',
      BRIEFLY,
    ),
  connectionLimit: (host: string): RouterAnswer =>
    answer(
      503,
      'Service Unavailable',
      `Requested route ('${host}') has reached the connection limit.`,
      'Connection Limit Reached',
    ),
  tooLarge: (): RouterAnswer => ({
    status: 431,
    reason: 'Request Header Fields Too Large',
    routerError: 'max-request-size-exceeded',
    cacheControl: '',
    message: '',
  }),
  headTimeout: (): RouterAnswer => answer(408, 'Request Timeout', 'The request head did not come in time.', ''),
  malformed: (fault: RequestFault): RouterAnswer => malformedAnswer(fault),
} as const;

const faults: Readonly<Record<Exclude<RequestFault, 'too-many-fields' | 'connect-unsupported'>, string>> = {
  'malformed-request-line': 'Malformed request line',
  'malformed-target': 'Malformed request target',
  'malformed-field': 'Malformed header field',
  'malformed-content-length': 'Malformed Content-Length',
  'malformed-host': 'Malformed Host header',
  'malformed-body': 'Malformed chunked body',
  'missing-host': 'Missing Host header',
  'ambiguous-framing': 'Ambiguous Content-Length or Transfer-Encoding',
  'unknown-transfer-coding': 'Unsupported Transfer-Encoding',
  'unsupported-version': 'Unsupported HTTP version',
};

function malformedAnswer(fault: RequestFault): RouterAnswer {
  if (fault === 'too-many-fields') return routerAnswers.tooLarge();
  if (fault === 'connect-unsupported') return answer(501, 'Not Implemented', 'CONNECT is not supported', '');
  return answer(400, 'Bad Request', faults[fault], '');
}

/** In ASCII. */
export function bodyOf({ message }: RouterAnswer): string {
  return message === '' ? '' : `${message}\n`;
}

/** The bytes of an answer. */
export function renderAnswer(
  made: RouterAnswer,
  options: { readonly withBody: boolean; readonly close: boolean; readonly keepAlive: boolean; readonly date: string },
): string {
  const body = bodyOf(made);
  let head = `HTTP/1.1 ${made.status} ${made.reason}\r\n`;
  if (made.cacheControl !== '') head += `Cache-Control: ${made.cacheControl}\r\n`;
  head += 'Content-Type: text/plain; charset=utf-8\r\n';
  if (made.routerError !== '') head += `X-Cf-RouterError: ${made.routerError}\r\n`;
  head += `X-Content-Type-Options: nosniff\r\nDate: ${options.date}\r\nContent-Length: ${body.length}\r\n`;
  if (options.close) head += 'Connection: close\r\n';
  else if (options.keepAlive) head += 'Connection: keep-alive\r\n';
  return `${head}\r\n${options.withBody ? body : ''}`;
}
