import { readFile } from 'node:fs/promises';
import { hostPlatform } from '@slipway/oci';
import { type BuiltImage, buildImage, buildLayer } from './image-builder.ts';
import { type TarEntry, whiteout } from './tar-writer.ts';

/** Where Debian's busybox-static is, depending on whether /bin is a link of its own. */
const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'];
const APPLETS = ['sh', 'cat', 'echo', 'env', 'hostname', 'id', 'kill', 'ls', 'mkdir', 'printf', 'ps', 'sleep', 'wget'];

/** The ports that the sample listens on, when PORT does not say otherwise for the first. */
export const SAMPLE_PORTS = [8080, 8443] as const;

/** What the sample's ENV sets; an app's own environment may override it. */
export const SAMPLE_GREETING = 'hello from Slipway';

/**
 * Both ports are served, for Cloud Foundry's port health check wants every exposed one. File descriptor 3 is the
 * instance's stdout, which CGI programs have lost theirs of to the answer.
 */
const SERVE = `#!/bin/busybox sh
# Serves the directory $1 on $PORT and on $SECOND_PORT until SIGTERM.
port=\${PORT:-${SAMPLE_PORTS[0]}}
second_port=\${SECOND_PORT:-${SAMPLE_PORTS[1]}}
export SERVER_PID=$$
exec 3>&1
busybox httpd -f -p "0.0.0.0:$port" -h "$1" &
first=$!
busybox httpd -f -p "0.0.0.0:$second_port" -h "$1" &
second=$!
stop() {
  kill "$first" "$second" 2>/dev/null
  wait
  exit "$1"
}
trap 'echo "asked to stop"; stop 0' TERM INT
trap 'echo "asked to crash" >&2; stop 42' USR1
echo "$GREETING: instance \${CF_INSTANCE_INDEX:-?} listens on $port and $second_port"
echo "errors of instance \${CF_INSTANCE_INDEX:-?} go to stderr" >&2
wait -n
echo "a server ended by itself" >&2
stop 1
`;

/** httpd runs this for "/" as there is no index.html. */
const INDEX = `#!/bin/busybox sh
echo "GET / from $REMOTE_ADDR" >&3
text() { printf %s "$1" | busybox sed 's/[\\\\"]/\\\\&/g'; }
printf 'Content-Type: application/json\\r\\n\\r\\n'
printf '{"greeting":"%s","index":"%s","instance":"%s","port":"%s","hostname":"%s","user":"%s","directory":"%s"}\\n' \\
  "$(text "$GREETING")" "$(text "$CF_INSTANCE_INDEX")" "$(text "$CF_INSTANCE_GUID")" "$(text "$PORT")" \\
  "$(busybox hostname)" "$(busybox id -u):$(busybox id -g)" "$(text "$APP_HOME")"
`;

/** The server's child that sends this answer ends when it is sent. Only then, or the answer would go down with the rest. */
const CRASH = `#!/bin/busybox sh
printf 'Content-Type: text/plain\\r\\n\\r\\ncrashing\\n'
(
  exec < /dev/null > /dev/null 2>&1
  while kill -0 "$PPID"; do busybox usleep 5000; done
  kill -USR1 "$SERVER_PID"
) &
`;

const ENVIRONMENT = `#!/bin/busybox sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
busybox env
`;

/**
 * The image of the demo and of many tests: a small HTTP server of static files and a few programs, from Debian's
 * busybox-static. Three layers with a hard link, symlinks and a whiteout; ENV, two EXPOSEd ports, USER by name, WORKDIR,
 * ENTRYPOINT and CMD. The same busybox gives the same digest.
 *
 * - `GET /`: JSON with greeting, instance index and guid, port, hostname; also a line on stdout
 * - `GET /version.txt`: "2", or the version that is asked for, which makes it another image; `GET /draft.txt` is 404, for the top layer removes it
 * - `GET /cgi-bin/env`: the environment; `GET /cgi-bin/crash`: ends the instance with status 42
 */
export async function sampleImage(version = '2'): Promise<BuiltImage> {
  const busybox = await readBusybox();
  const base: TarEntry[] = [
    directory('bin'),
    { name: 'bin/busybox', content: busybox, mode: 0o755 },
    ...APPLETS.map((name): TarEntry => ({ name: `bin/${name}`, type: 'symlink', linkName: 'busybox', mode: 0o777 })),
    directory('usr'),
    directory('usr/bin'),
    { name: 'usr/bin/busybox', type: 'hardlink', linkName: 'bin/busybox', mode: 0o755 },
    directory('etc'),
    { name: 'etc/passwd', content: 'root:x:0:0:root:/:/bin/sh\nweb:x:1000:1000:web:/srv:/bin/sh\n' },
    { name: 'etc/group', content: 'root:x:0:\nweb:x:1000:\n' },
    { name: 'tmp/', mode: 0o1777 },
  ];
  const app: TarEntry[] = [
    directory('srv'),
    directory('srv/bin'),
    program('srv/bin/serve', SERVE),
    directory('srv/www'),
    directory('srv/www/cgi-bin'),
    program('srv/www/cgi-bin/index.cgi', INDEX),
    program('srv/www/cgi-bin/crash', CRASH),
    program('srv/www/cgi-bin/env', ENVIRONMENT),
    { name: 'srv/www/draft.txt', content: 'must not be seen\n' },
    { name: 'srv/www/version.txt', content: '1\n' },
  ];
  const release: TarEntry[] = [whiteout('srv/www/draft.txt'), { name: 'srv/www/version.txt', content: `${version}\n` }];
  return buildImage({
    layers: [buildLayer(base), buildLayer(app), buildLayer(release)],
    platform: hostPlatform(),
    config: {
      Env: ['PATH=/srv/bin:/bin', `GREETING=${SAMPLE_GREETING}`, 'APP_HOME=/srv', 'QUOTED="$1" \'two\''],
      ExposedPorts: Object.fromEntries(SAMPLE_PORTS.map((port) => [`${port}/tcp`, {}])),
      User: 'web',
      WorkingDir: '/srv',
      Entrypoint: ['serve'],
      Cmd: ['www'],
      StopSignal: 'SIGTERM',
    },
  });
}

function directory(name: string): TarEntry {
  return { name: `${name}/` };
}

function program(name: string, content: string): TarEntry {
  return { name, content, mode: 0o755 };
}

async function readBusybox(): Promise<Buffer> {
  for (const path of BUSYBOX) {
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (bytes !== undefined && isStatic(bytes)) {
      return bytes;
    }
  }
  throw new Error(`no static busybox at ${BUSYBOX.join(' or ')}: apt-get install busybox-static`);
}

/** Whether a 64-bit little-endian ELF program names no interpreter (PT_INTERP), and so runs in an empty root. */
function isStatic(elf: Buffer): boolean {
  const is64LittleEndian = elf.subarray(0, 4).toString('latin1') === '\x7fELF' && elf[4] === 2 && elf[5] === 1;
  if (!is64LittleEndian) {
    return false;
  }
  const [at, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  const PT_INTERP = 3;
  return !Array.from({ length: count }, (_, i) => elf.readUInt32LE(at + i * size)).includes(PT_INTERP);
}
