import type { Row } from './row.ts';

/** Fields that say what is run, where, and with what. */
export const PROCESS_ROWS: readonly Row[] = [
  {
    field: '`Entrypoint`',
    docker: 'Executed with CMD behind it, without a shell. A command of `docker run` replaces CMD alone.',
    cloudFoundry:
      "Executed with CMD behind it. A start command replaces both and goes through the image's `/bin/sh -c`.",
    slipway: 'As Cloud Foundry. Arguments are passed byte for byte; a lone string is a list of one, as with Docker.',
    cases: [
      {
        name: 'comes before CMD, and nothing in either is expanded',
        image: { config: { Entrypoint: ['/bin/report', 'a b', '"q"'], Cmd: ['$HOME', '*', "it's"] } },
        see: { args: ['a b', '"q"', '$HOME', '*', "it's"] },
      },
      {
        name: 'is replaced, with CMD, by a start command, which the shell of the image runs',
        image: { config: { Entrypoint: ['/nothing'], Cmd: ['of this'] } },
        app: { command: 'X="one two" && exec report "$X" $((1 + 2))' },
        see: { args: ['one two', '3'] },
      },
      { name: 'may be a string', image: { config: { Entrypoint: '/bin/report' } }, see: { args: [] } },
    ],
  },
  {
    field: '`Cmd`',
    docker: "Executed when there is no ENTRYPOINT; the program is looked up in the image's PATH.",
    cloudFoundry:
      'The same, by its launcher; without either the instance exits with "No start command found or specified".',
    slipway: 'The same; without either the start is refused before anything is placed.',
    cases: [
      {
        name: 'alone is looked up through the PATH of the image',
        image: {
          config: { Entrypoint: null, Cmd: ['tell', 'me'], Env: ['PATH=/opt/tools:/bin'] },
          files: [{ name: 'opt/tools/tell', content: '#!/bin/sh\nexec report "told $1"\n', mode: 0o755 }],
        },
        see: { args: ['told me'] },
      },
      {
        name: 'is found relative to the working directory',
        image: { config: { Entrypoint: null, Cmd: ['./report', 'x'], WorkingDir: '/bin' } },
        see: { args: ['x'], cwd: '/bin' },
      },
      {
        name: 'must be somewhere, as must ENTRYPOINT',
        image: { config: { Entrypoint: null } },
        see: { refused: 'Start command not specified' },
      },
      {
        name: 'that the image has not is named',
        image: { config: { Entrypoint: null, Cmd: ['nothing-there'] } },
        see: { refused: 'exec: "nothing-there": executable file not found in $PATH' },
      },
    ],
  },
  {
    field: '`Env`',
    docker: 'Taken verbatim; entries without a name or a `=` are left out. `docker run -e` comes over it.',
    cloudFoundry: "Below everything that the platform and the user set; PORT and VCAP_* are the platform's.",
    slipway:
      'Verbatim, in its order. Over it, each over the one before: PORT, running group, `cf set-env`, VCAP_APPLICATION and MEMORY_LIMIT, services, CF_INSTANCE_*. PATH is set only when nobody does.',
    cases: [
      {
        name: 'is verbatim: quotes, dollars, newlines, equals signs, nothing at all',
        image: { config: { Env: ['Q="$1" \'two\' `x`', 'N=a\nb', 'E=', 'S=a=b', 'A=$Q', 'none', '=x'] } },
        see: {
          env: { Q: '"$1" \'two\' `x`', N: 'a\nb', E: '', S: 'a=b', A: '$Q', none: null, HOME: '/root', LANG: null },
        },
      },
      {
        name: "is below the user's variables, and both below the platform's",
        image: { config: { Env: ['A=image', 'HOME=/of/image', 'PORT=1', 'VCAP_APPLICATION={}', 'INSTANCE_INDEX=9'] } },
        app: { environment: { A: 'user', INSTANCE_GUID: 'mine' } },
        see: {
          env: {
            A: 'user',
            HOME: '/of/image',
            PORT: '8080',
            INSTANCE_INDEX: '0',
            CF_INSTANCE_INDEX: '0',
            TMPDIR: null,
          },
        },
      },
      {
        name: 'that sets no PATH gets the usual one, by who the user is',
        image: { config: { User: 'app' } },
        see: { env: { PATH: '/usr/local/bin:/usr/bin:/bin', USER: 'app', HOME: '/home/app' } },
      },
      {
        name: 'the platform adds its own',
        image: {},
        app: {
          probe:
            'for v in CF_INSTANCE_IP CF_INSTANCE_INTERNAL_IP CF_INSTANCE_ADDR CF_INSTANCE_PORTS CF_INSTANCE_GUID VCAP_APPLICATION VCAP_SERVICES MEMORY_LIMIT SLIPWAY_IMAGE SLIPWAY_IMAGE_DIGEST; do eval "test -n \\"\\$$v\\"" && echo "$v is set"; done',
        },
        see: {
          probe: [
            'CF_INSTANCE_IP',
            'CF_INSTANCE_INTERNAL_IP',
            'CF_INSTANCE_ADDR',
            'CF_INSTANCE_PORTS',
            'CF_INSTANCE_GUID',
            'VCAP_APPLICATION',
            'VCAP_SERVICES',
            'MEMORY_LIMIT',
            'SLIPWAY_IMAGE',
            'SLIPWAY_IMAGE_DIGEST',
          ].map((name) => `${name} is set`),
          env: {
            MEMORY_LIMIT: '32m',
            CF_INSTANCE_PORT: '8080',
            PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
            USER: 'root',
          },
        },
      },
    ],
  },
  {
    field: '`WorkingDir`',
    docker: 'The directory that the process starts in; made when the image has none.',
    cloudFoundry: 'The same, but a missing one ends the instance; tasks start in `/`.',
    slipway:
      'As Docker, for apps and sidecars; tasks start in `/`, as on Cloud Foundry. Below /proc, /sys and /dev: refused.',
    cases: [
      {
        name: 'is where the process starts',
        image: { config: { WorkingDir: '/home/app' } },
        see: { cwd: '/home/app' },
      },
      {
        name: 'is made when it is missing',
        image: { config: { WorkingDir: '/made/for/it' } },
        see: { cwd: '/made/for/it' },
      },
      { name: 'is / when there is none', image: {}, see: { cwd: '/' } },
      {
        name: 'is none of the kernel',
        image: { config: { WorkingDir: '/proc/self/fd/7' } },
        see: { refused: 'No process can start in "/proc/self/fd/7"' },
      },
    ],
  },
  {
    field: '`User`',
    docker: '`name`, `uid`, `name:group`, `uid:gid`, by the files of the image; ids up to 2,147,483,647.',
    cloudFoundry: 'The same; ids map to host ids that all containers share.',
    slipway:
      'The same, up to the same id: each container has host ids of its own for 0 to 65,535 and for what its image has above. All digits are always a number. Account files that are hostile are refused.',
    cases: [
      { name: 'by name, with its groups', image: { config: { User: 'app' } }, see: { user: '1000:1001 1001 44' } },
      { name: 'by uid', image: { config: { User: '1000' } }, see: { user: '1000:1001 1001 44' } },
      { name: 'by a uid that no account has', image: { config: { User: '4242' } }, see: { user: '4242:0 0' } },
      { name: 'with a group by name', image: { config: { User: 'app:logs' } }, see: { user: '1000:44 44' } },
      { name: 'with a group by number', image: { config: { User: '7:8' } }, see: { user: '7:8 8' } },
      { name: 'is root when there is none', image: {}, see: { user: '0:0 0' } },
      {
        name: 'of digits is a number, whatever account is called so',
        image: {
          config: { User: '1000' },
          files: [{ name: 'etc/passwd', content: 'root:x:0:0::/:/bin/sh\n1000:x:0:0::/:/bin/sh\n' }],
        },
        see: { user: '1000:0 0' },
      },
      {
        name: 'of a high id, as clusters give them, with files of its own',
        image: {
          config: { User: '1000660000', WorkingDir: '/srv' },
          files: [{ name: 'srv/', pax: { uid: '1000660000' }, mode: 0o700 }],
        },
        app: { probe: 'touch new && stat -c "%u:%g %n" . new' },
        see: { user: '1000660000:0 0', probe: ['1000660000:0 .', '1000660000:0 new'] },
      },
      {
        name: 'that the image has not is named',
        image: { config: { User: 'nobody-there' } },
        see: { refused: 'unable to find user nobody-there' },
      },
      {
        name: 'in accounts that are a device is not looked for',
        image: { config: { User: 'app' }, files: [{ name: 'etc/passwd', linkName: '/dev/urandom' }] },
        see: { refused: "The image's /etc/passwd is a link that leads to no file of the image" },
      },
    ],
  },
];
