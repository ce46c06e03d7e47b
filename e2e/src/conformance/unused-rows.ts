import type { Row } from './row.ts';

const IGNORED = 'Ignored.';

/** Fields that nothing of the running container follows from, and those of the image itself. */
export const UNUSED_ROWS: readonly Row[] = [
  {
    field: '`Shell`',
    docker: 'Runs the shell forms while an image is built, and the text of a `CMD-SHELL` health check.',
    cloudFoundry: IGNORED,
    slipway: 'Runs the text of a `CMD-SHELL` health check; a start command always goes through `/bin/sh -c`.',
    cases: [
      {
        name: 'does not run the start command',
        image: { config: { Shell: ['/bin/false', '-c'] } },
        app: { command: 'exec report "$0"' },
        see: { args: ['/bin/sh'] },
      },
    ],
  },
  {
    field: '`Labels`',
    docker: 'Kept with the container; nothing follows from them.',
    cloudFoundry: IGNORED,
    slipway: 'Never read: they are text of strangers.',
    cases: [
      {
        name: 'are nowhere to be seen',
        image: { config: { Labels: { 'org.example.secret': 'label-text', PORT: '1' } } },
        app: { probe: 'env | grep -v ^PROBE | grep -c label-text' },
        see: { env: { PORT: '8080' }, probe: ['0'] },
      },
    ],
  },
  {
    field: '`OnBuild`',
    docker: 'Runs when another image is built from this one.',
    cloudFoundry: IGNORED,
    slipway: IGNORED,
    cases: [
      {
        name: 'does nothing',
        image: { config: { OnBuild: ['RUN touch /built', 'CMD ["x"]'] } },
        app: { probe: 'ls /built 2>&1 | wc -l' },
        see: { args: [], probe: ['1'] },
      },
    ],
  },
  {
    field: '`ArgsEscaped`',
    docker: 'Of Windows images alone.',
    cloudFoundry: IGNORED,
    slipway: IGNORED,
    cases: [
      {
        name: 'changes no argument',
        image: { config: { ArgsEscaped: true, Cmd: ['a "b" c'] } },
        see: { args: ['a "b" c'] },
      },
    ],
  },
  {
    field:
      '`Hostname`, `Domainname`, `MacAddress`, `NetworkDisabled`, `Tty`, `OpenStdin`, `StdinOnce`, `Attach*`, `Image`',
    docker: 'Left over from the container that the image was made of; not used.',
    cloudFoundry: IGNORED,
    slipway:
      'Ignored. The host name is the instance guid, shortened as on Cloud Foundry; there is no terminal, and nothing on standard input.',
    cases: [
      {
        name: 'are not taken over',
        image: {
          config: {
            Hostname: 'of-image',
            Domainname: 'example',
            Tty: true,
            OpenStdin: true,
            NetworkDisabled: true,
            MacAddress: '02:42:ac:11:00:02',
            Image: 'sha256:x',
            AttachStdin: true,
          },
        },
        app: {
          probe:
            'hostname | grep -c of-image; test -t 0 || echo "no terminal"; cat; ip addr show eth0 | grep -c 02:42:ac:11',
        },
        see: { probe: ['0', 'no terminal', '0'] },
      },
    ],
  },
  {
    field: '`architecture`, `os`, `variant`',
    docker:
      'Of an index the entry for the machine is taken; a single image of another architecture is run with a warning.',
    cloudFoundry: 'linux/amd64; what a single image says is not looked at, and such an instance fails to start.',
    slipway: "Of an index the best entry for the cells' platform is taken; anything else is refused at staging.",
    cases: [
      {
        name: 'of another machine are refused',
        image: { top: { architecture: 's390x' } },
        see: { notStaged: 's390x' },
      },
      { name: 'of another system are refused', image: { top: { os: 'windows' } }, see: { notStaged: 'windows' } },
    ],
  },
  {
    field: '`rootfs.diff_ids`',
    docker: 'Each layer must unpack to its diffID.',
    cloudFoundry: 'The same (GrootFS).',
    slipway: 'The same, while it is unpacked; as many as the manifest has layers, or staging refuses.',
    cases: [
      {
        name: 'must be those of the layers',
        image: { top: { rootfs: { type: 'layers', diff_ids: [`sha256:${'1'.repeat(64)}`] } } },
        see: { refused: 'the image config says sha256:1111' },
      },
      {
        name: 'must be as many as the layers',
        image: { top: { rootfs: { type: 'layers', diff_ids: [] } } },
        see: { notStaged: 'layers' },
      },
    ],
  },
  {
    field: '`created`, `author`, `history`, `docker_version`, `container`, `container_config`',
    docker: 'Shown by `docker inspect` and `docker history`.',
    cloudFoundry: IGNORED,
    slipway: IGNORED,
    cases: [
      {
        name: 'change nothing',
        image: {
          top: {
            created: 'never',
            author: 5,
            history: 'x',
            container: {},
            container_config: { Cmd: ['other'] },
            docker_version: null,
          },
        },
        see: { args: [] },
      },
    ],
  },
];
