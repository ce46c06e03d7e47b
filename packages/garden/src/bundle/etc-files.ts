/** A host name as the kernel takes it: Garden uses the last 49 characters of the handle. */
export function hostnameOf(handle: string): string {
  return handle
    .slice(-49)
    .replaceAll(/[^A-Za-z0-9.-]/g, '-')
    .replace(/^[-.]+/, '');
}

/** /etc/hosts: the names every program expects, and the container's own. */
export function hostsFile(hostname: string, address: string): string {
  return `${[
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'ff00::0\tip6-mcastprefix',
    'ff02::1\tip6-allnodes',
    'ff02::2\tip6-allrouters',
    `${address}\t${hostname}`,
  ].join('\n')}\n`;
}

/** Docker's fallback when the host has no name server that a container can reach. */
const PUBLIC_NAME_SERVERS = ['8.8.8.8', '8.8.4.4'];

/** glibc looks at no more. */
const MAX_NAME_SERVERS = 3;

function isLoopback(server: string): boolean {
  return server.startsWith('127.') || server === '::1' || server === '0.0.0.0';
}

/**
 * /etc/resolv.conf: the host's without its loopback name servers, which would be the container itself there, and
 * without IPv6 ones, which it has no route to.
 * @param servers name servers that the operator set instead of the host's
 */
export function resolvConf(host: string, servers: readonly string[]): string {
  const lines = host
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith(';'));
  const ofHost = lines.filter((line) => /^nameserver\s/.test(line)).map((line) => line.split(/\s+/)[1] ?? '');
  const usable = (servers.length > 0 ? servers : ofHost).filter(
    (server) => !isLoopback(server) && !server.includes(':'),
  );
  const chosen = usable.length > 0 ? usable : PUBLIC_NAME_SERVERS;
  const others = lines.filter((line) => /^(search|options|domain)\s/.test(line));
  return `${[...chosen.slice(0, MAX_NAME_SERVERS).map((server) => `nameserver ${server}`), ...others].join('\n')}\n`;
}
