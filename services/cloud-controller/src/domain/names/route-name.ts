const MAX_LABEL = 63;
const MAX_NAME = 253;
const MAX_PATH = 128;

export interface RouteName {
  /** Empty: the domain itself. */
  readonly host: string;
  /** Empty, or begins with a slash. */
  readonly path: string;
  readonly domain: { readonly name: string; readonly shared: boolean; readonly internal: boolean };
}

/** What is wrong with a route's name, in cloud_controller_ng's words (`route_create_message.rb`, `route.rb`). */
export function routeNameProblems({ host, path, domain }: RouteName): string[] {
  const problems: string[] = [];
  if (host.length > MAX_LABEL) problems.push(`Host is too long (maximum is ${MAX_LABEL} characters)`);
  if (host !== '' && host !== '*' && !/^[\w-]+$/.test(host)) {
    problems.push('Host must be either "*" or contain only alphanumeric characters, "_", or "-"');
  }
  if (`${host}.${domain.name}`.length > MAX_NAME) {
    problems.push(`Host combined with domain name must be no more than ${MAX_NAME} characters`);
  }
  if (host === '' && domain.shared) problems.push('Missing host. Routes in shared domains must have a host defined.');
  if (domain.internal && host === '*') problems.push('Wildcard hosts are not supported for internal domains.');
  if (domain.internal && path !== '') problems.push('Paths are not supported for internal domains.');
  return [...problems, ...pathProblems(path)];
}

function pathProblems(path: string): string[] {
  if (path === '') return [];
  const problems: string[] = [];
  if (!path.startsWith('/')) problems.push('Path must start with a slash');
  if (path === '/') problems.push("Path cannot be exactly '/'");
  if (path.includes('?')) problems.push("Path cannot contain '?'");
  if (path.length > MAX_PATH) problems.push(`Path exceeds ${MAX_PATH} characters`);
  // What would not come back from a URL as it went in.
  if (/[^\x21-\x7e]/.test(path) || path.includes('#')) problems.push('Path must be a valid URI path');
  return problems;
}

/** Host, domain and path as users type them; the router's uri. */
export function routeUrl(host: string, domainName: string, path: string): string {
  return `${host === '' ? '' : `${host}.`}${domainName}${path}`;
}
