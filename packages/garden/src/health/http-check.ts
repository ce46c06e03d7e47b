import { get, type IncomingMessage } from 'node:http';
import type { CheckResult } from './check-result.ts';

/** Go's HTTP client follows ten redirects. */
const MAX_REDIRECTS = 10;

export interface HttpCheckOptions {
  readonly address: string;
  readonly port: number;
  readonly path: string;
  /** For all of it: connection, redirects, body. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Whether a GET answers with status 200, as Cloud Foundry's http check finds out. Redirects are followed as long as
 * they stay at the container's own address and port: the cell asks nobody else on an app's behalf.
 */
export async function httpCheck(options: HttpCheckOptions): Promise<CheckResult> {
  const { port, path, timeoutMs } = options;
  const failed = (reason: string): CheckResult => ({
    ok: false,
    message: `failed to make HTTP request to '${path}' on port ${port}: ${reason}`,
  });
  const began = performance.now();
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
  try {
    const status = await follow(options, signal);
    if (typeof status === 'string') return failed(status);
    if (status === 200) return { ok: true };
    return failed(`received status code ${status} in ${Math.round(performance.now() - began)}ms`);
  } catch (error) {
    if (options.signal?.aborted) return failed('cancelled');
    if (deadline.aborted) return failed(`timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`);
    // Cloud Foundry says this of any connection that fails; the cause is worth more when it is another.
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return failed(
      code === 'ECONNREFUSED' ? 'connection refused' : `connection failed${code === '' ? '' : ` (${code})`}`,
    );
  }
}

/** The status in the end, or why there is none. */
async function follow(options: HttpCheckOptions, signal: AbortSignal): Promise<number | string> {
  let path = options.path.startsWith('/') ? options.path : `/${options.path}`;
  const origin = `http://${options.address}:${options.port}`;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const { status, location } = await request(options.address, options.port, path, signal);
    if (location === undefined || ![301, 302, 303, 307, 308].includes(status)) return status;
    const target = URL.canParse(location, `${origin}${path}`) ? new URL(location, `${origin}${path}`) : undefined;
    if (target?.origin !== new URL(origin).origin) {
      return `redirected to ${JSON.stringify(location.slice(0, 200))}, which is not the app's own address`;
    }
    path = `${target.pathname}${target.search}`;
  }
  return `stopped after ${MAX_REDIRECTS} redirects`;
}

async function request(
  host: string,
  port: number,
  path: string,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly location: string | undefined }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { 'user-agent': 'diego-healthcheck', 'x-forwarded-proto': 'https' };
    get({ host, port, path, headers, agent: false, signal }, resolve).on('error', reject);
  });
  // The whole body is read, as Cloud Foundry does, and none of it kept.
  for await (const _ of response);
  return { status: response.statusCode ?? 0, location: response.headers.location };
}
