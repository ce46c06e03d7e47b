import type { Row } from './row.ts';

/** Fields that say how it is run. */
export const RUNTIME_ROWS: readonly Row[] = [
  {
    field: '`ExposedPorts`',
    docker: 'Says what `docker run -P` publishes; nothing is told to the process.',
    cloudFoundry:
      'PORT is the lowest tcp port, 8080 without any; the port check wants all of them. Ranges fail staging.',
    slipway: 'As Cloud Foundry, ranges too. Ports below 1024 need no root.',
    cases: [
      {
        name: 'give PORT the lowest tcp one',
        image: { config: { ExposedPorts: { '9090/tcp': {}, '81': {}, '53/udp': {} } } },
        see: { env: { PORT: '81' } },
      },
      {
        name: 'may be a range',
        image: { config: { ExposedPorts: { '8001-8003/tcp': {} } } },
        see: { env: { PORT: '8001' } },
      },
      {
        name: 'that are all udp leave 8080',
        image: { config: { ExposedPorts: { '53/udp': {} } } },
        see: { env: { PORT: '8080' } },
      },
      {
        name: 'below 1024 are free to any user',
        image: { config: { ExposedPorts: { '80/tcp': {} }, User: 'app' } },
        app: { healthCheck: 'port', probe: 'busybox httpd -p "$PORT" -h /tmp && echo listening' },
        see: { probe: ['listening'], logged: 'CELL: Container became healthy' },
      },
    ],
  },
  {
    field: '`Volumes`',
    docker: 'Each path is an anonymous volume, filled with what the image has there.',
    cloudFoundry: 'Ignored: what the image has there is written to like the rest; a path that it lacks is missing.',
    slipway:
      "Plain directories in the container's writable layer, with the image's owners; made, for root, where the image lacks them. They go with the instance.",
    cases: [
      {
        name: 'are directories with the owners of the image, and made where there are none',
        image: {
          config: { Volumes: { '/data': {}, '/var/lib/made': {} } },
          files: [
            { name: 'data/', uid: 1000, gid: 1001, mode: 0o770 },
            { name: 'data/seed', content: 'x', uid: 1000 },
          ],
        },
        app: {
          probe:
            'stat -c "%u:%g %a %n" /data /data/seed /var/lib/made; grep -c " /data " /proc/mounts; touch /data/x && echo written',
        },
        see: { probe: ['1000:1001 770 /data', '1000:0 644 /data/seed', '0:0 755 /var/lib/made', '0', 'written'] },
      },
    ],
  },
  {
    field: '`StopSignal`',
    docker: 'Sent instead of SIGTERM by `docker stop`; SIGKILL after 10 s.',
    cloudFoundry: 'Ignored: SIGTERM, and SIGKILL after 10 s.',
    slipway: 'As Docker: names, numbers and real-time signals. SIGKILL after 10 s, and the log says so.',
    cases: [
      {
        name: 'by name',
        image: { config: { StopSignal: 'SIGQUIT' } },
        see: { stopped: ['APP/PROC/WEB: got QUIT', 'APP/PROC/WEB: Exit status 0'] },
      },
      {
        name: 'by number',
        image: { config: { StopSignal: '10' } },
        see: { stopped: ['APP/PROC/WEB: got USR1', 'APP/PROC/WEB: Exit status 0'] },
      },
      {
        name: 'of the real-time ones',
        image: { config: { StopSignal: 'SIGRTMIN+3' } },
        see: { stopped: ['APP/PROC/WEB: got 37', 'APP/PROC/WEB: Exit status 0'] },
      },
      {
        name: 'is SIGTERM when there is none',
        image: {},
        see: { stopped: ['APP/PROC/WEB: got TERM', 'APP/PROC/WEB: Exit status 0'] },
      },
      {
        name: 'that is not heeded is followed by SIGKILL',
        image: {},
        app: { setting: 'trap "" TERM' },
        see: { stopped: ['APP/PROC/WEB: Exit status 137 (exceeded 10s graceful shutdown interval)'] },
      },
    ],
  },
  {
    field: '`Healthcheck`',
    docker: 'Run in the container by Docker; a failing one marks it unhealthy and ends nothing.',
    cloudFoundry: 'Ignored.',
    slipway:
      "Off, as on Cloud Foundry, until the app's feature `image-health-check` is on; then it counts for processes without a check of their own, and one that fails ends the instance ([how](health-checks.md)).",
    cases: [
      {
        name: 'is not asked unless the app says so',
        image: { config: { Healthcheck: { Test: ['CMD', '/bin/false'] } } },
        app: { healthCheck: 'port', probe: 'busybox httpd -p "$PORT" -h /tmp' },
        see: { logged: 'CELL: Container became healthy' },
      },
      {
        name: 'counts where it is switched on, instead of the port',
        image: { config: { Healthcheck: { Test: ['CMD-SHELL', 'test -e /tmp/ready && echo "$PORT" | grep 8080'] } } },
        app: { healthCheck: 'port', features: ['image-health-check'], setting: 'touch /tmp/ready' },
        see: { logged: 'CELL: Container became healthy' },
      },
      {
        name: 'that fails is told with what it wrote',
        image: { config: { Healthcheck: { Test: ['CMD-SHELL', 'echo not yet; echo really >&2; exit 3'] } } },
        app: { healthCheck: 'port', features: ['image-health-check'] },
        see: { logged: 'HEALTH: Image health check unsuccessful: it exited with status 3: not yet | really' },
      },
      {
        name: "runs as the image's user, in its directory, found through its PATH",
        image: {
          config: {
            Healthcheck: { Test: ['CMD', 'wget', '$HOME'] },
            Env: ['PATH=/opt:/bin'],
            User: 'app',
            WorkingDir: '/home/app',
          },
          files: [{ name: 'opt/wget', content: '#!/bin/sh\necho "$(busybox pwd) $(id -u) $1"; exit 9\n', mode: 0o755 }],
        },
        app: { healthCheck: 'port', features: ['image-health-check'] },
        see: { logged: 'it exited with status 9: /home/app 1000 $HOME' },
      },
      {
        name: 'of text runs by the SHELL of the image',
        image: {
          config: {
            Shell: ['/bin/sh', '-c', 'echo "by $0"; exit 4'],
            Healthcheck: { Test: ['CMD-SHELL', 'the text'] },
          },
        },
        app: { healthCheck: 'port', features: ['image-health-check'] },
        see: { logged: 'it exited with status 4: by the text' },
      },
      {
        name: "gives way to the process's own, and to NONE",
        image: { config: { Healthcheck: { Test: ['NONE'] } } },
        app: { healthCheck: 'port', features: ['image-health-check'], probe: 'busybox httpd -p "$PORT" -h /tmp' },
        see: { logged: 'CELL: Container became healthy' },
      },
    ],
  },
  {
    field: 'the process itself',
    docker: 'PID 1, unless run with `--init`: it must reap what it leaves behind, and signals have no default for it.',
    cloudFoundry: "A child of Garden's init, which reaps.",
    slipway: 'A child of an init (tini) that reaps and passes signals on. Descriptors above 2 are closed.',
    cases: [
      {
        name: 'is a child of an init, which reaps',
        image: {},
        app: {
          probe:
            'test $$ -ne 1 && echo "not 1"; cat /proc/1/comm; (sleep 0.01 & ) ; sleep 0.3; grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | wc -l; ls /proc/$$/fd | grep -cv "^\\(0\\|1\\|2\\|10\\)$"',
        },
        see: { probe: ['not 1', 'init', '0', '0'] },
      },
    ],
  },
];
