export type RouteTextResult =
  | { readonly outcome: 'parsed'; readonly hostname: string; readonly path: string }
  | { readonly outcome: 'rejected'; readonly problem: string };

const LABEL = /^(?:\*|[\w-]+)$/;

/** Takes a manifest's route apart: `[http[s]://]host.domain[/path]`. */
export function parseRouteText(text: string): RouteTextResult {
  const reject = (problem: string): RouteTextResult => ({ outcome: 'rejected', problem });
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text);
  const name = scheme?.[1]?.toLowerCase() ?? 'http';
  if (name === 'tcp') return reject(`The route '${text}' is a TCP route: Slipway routes HTTP only`);
  const rest = text.slice(scheme?.[0].length ?? 0);
  const slash = rest.indexOf('/');
  const hostname = (slash === -1 ? rest : rest.slice(0, slash)).toLowerCase();
  const path = slash === -1 ? '' : rest.slice(slash);
  if (/:\d+$/.test(hostname))
    return reject(`The route '${text}' has a port: Routes with protocol 'http' do not support ports.`);
  const labels = hostname.split('.');
  const wildcards = labels.slice(1).includes('*');
  if ((name !== 'http' && name !== 'https') || wildcards || !labels.every((label) => LABEL.test(label))) {
    return reject(`The route '${text}' is not a properly formed URL`);
  }
  return { outcome: 'parsed', hostname, path: path === '/' ? '' : path };
}

/**
 * The domain of a hostname: the whole of it if that is a domain, else what follows its first label
 * (cloud_controller_ng `manifest_route_update.rb`).
 */
export function splitHostname<T extends { readonly name: string }>(
  hostname: string,
  domains: readonly T[],
): { readonly host: string; readonly domain: T } | undefined {
  const whole = domains.find(({ name }) => name.toLowerCase() === hostname);
  if (whole !== undefined) return { host: '', domain: whole };
  const dot = hostname.indexOf('.');
  const domain = dot === -1 ? undefined : domains.find(({ name }) => name.toLowerCase() === hostname.slice(dot + 1));
  return domain === undefined ? undefined : { host: hostname.slice(0, dot), domain };
}
