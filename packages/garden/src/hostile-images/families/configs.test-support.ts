import { sha256 } from '../../layers/digest.test-support.ts';
import { bad, CONFIG_JSON, good, withConfig, withFields } from '../documents.test-support.ts';
import type { Family } from '../hostile-image.test-support.ts';

const FIELD_LIES: Readonly<Record<string, readonly unknown[]>> = {
  Env: ['A=b', { A: 'b' }, [1]],
  Entrypoint: [7, { 0: 'sh' }, [['sh']]],
  Cmd: [true, { 0: 'sh' }, [null]],
  WorkingDir: [['/'], 7, { a: 1 }],
  User: [0, ['root'], { uid: 0 }],
  ExposedPorts: [['80/tcp'], '80/tcp', 80],
  StopSignal: [9, ['SIGKILL'], {}],
  Healthcheck: ['CMD true', ['CMD', 'true'], { Test: 'CMD true' }],
  Volumes: [['/'], '/', 1],
};

const NUL = '\0';
export const configs: Family = {
  title: 'Image configs',
  what: 'Only the fields that are used are read, each of its own type and bounded; labels never leave the parser.',
  images: [
    ...Object.entries(FIELD_LIES).flatMap(([field, lies]) =>
      lies.map((lie) =>
        bad(`${field}: ${JSON.stringify(lie)}`, 'DOCUMENT_MALFORMED', () => withFields({ [field]: lie })),
      ),
    ),
    bad('a config that is a text', 'DOCUMENT_MALFORMED', () => withConfig({ ...CONFIG_JSON, config: 'x' })),
    bad('no root file system', 'DOCUMENT_MALFORMED', () => withConfig({ ...CONFIG_JSON, rootfs: undefined })),
    bad('a root file system that is not of layers', 'DOCUMENT_MALFORMED', () =>
      withConfig({ ...CONFIG_JSON, rootfs: { type: 'path', path: '/' } }),
    ),
    bad('diffIDs that are one text', 'DOCUMENT_MALFORMED', () =>
      withConfig({ ...CONFIG_JSON, rootfs: { diff_ids: 'sha256:x' } }),
    ),
    bad('a diffID that is a path', 'DOCUMENT_MALFORMED', () =>
      withConfig({ ...CONFIG_JSON, rootfs: { diff_ids: ['sha256:../../x'] } }),
    ),
    bad('a diffID of sha512', 'DOCUMENT_MALFORMED', () =>
      withConfig({ ...CONFIG_JSON, rootfs: { diff_ids: [`sha512:${'a'.repeat(128)}`] } }),
    ),
    bad('more diffIDs than layers', 'LAYER_COUNT_MISMATCH', () =>
      withConfig({ ...CONFIG_JSON, rootfs: { diff_ids: [sha256(Buffer.of(1)), sha256(Buffer.of(2))] } }),
    ),
    bad('no diffIDs', 'LAYER_COUNT_MISMATCH', () => withConfig({ ...CONFIG_JSON, rootfs: {} })),
    bad('ten thousand diffIDs', 'LAYER_COUNT_MISMATCH', () =>
      withConfig({ ...CONFIG_JSON, rootfs: { diff_ids: Array.from({ length: 10_000 }, () => sha256(Buffer.of(1))) } }),
    ),
    bad('another architecture', 'PLATFORM_UNAVAILABLE', () => withConfig({ ...CONFIG_JSON, architecture: 'riscv64' })),
    bad('an architecture that is a number', 'DOCUMENT_MALFORMED', () =>
      withConfig({ ...CONFIG_JSON, architecture: 64 }),
    ),
    bad('JSON in UTF-16', 'DOCUMENT_MALFORMED', () => withConfig(Buffer.from(JSON.stringify(CONFIG_JSON), 'utf16le'))),
    bad('a list', 'DOCUMENT_MALFORMED', () => withConfig('[]')),
    bad('a NUL in a variable', 'DOCUMENT_MALFORMED', () => withFields({ Env: [`A=b${NUL}c`] })),
    bad('a NUL in the command', 'DOCUMENT_MALFORMED', () => withFields({ Cmd: [`sh${NUL}`] })),
    bad('a NUL in the entrypoint', 'DOCUMENT_MALFORMED', () => withFields({ Entrypoint: [`/bin/sh${NUL}`] })),
    bad('a NUL in the directory', 'DOCUMENT_MALFORMED', () => withFields({ WorkingDir: `/${NUL}` })),
    bad('a NUL in the user', 'DOCUMENT_MALFORMED', () => withFields({ User: `root${NUL}x` })),
    bad('a NUL in a volume', 'DOCUMENT_MALFORMED', () => withFields({ Volumes: { [`/${NUL}`]: {} } })),
    bad('a NUL in the signal', 'DOCUMENT_MALFORMED', () => withFields({ StopSignal: `9${NUL}` })),
    bad('a directory of 5,000 bytes', 'DOCUMENT_MALFORMED', () => withFields({ WorkingDir: '/'.repeat(5000) })),
    bad('a user of 300 bytes', 'DOCUMENT_MALFORMED', () => withFields({ User: 'u'.repeat(300) })),
    bad('a signal of 300 bytes', 'DOCUMENT_MALFORMED', () => withFields({ StopSignal: 'S'.repeat(300) })),
    bad('two megabytes of variables', 'DOCUMENT_TOO_LARGE', () =>
      withFields({ Env: Array.from({ length: 20_000 }, (_, i) => `V${i}=${'x'.repeat(100)}`) }),
    ),
    bad('a megabyte of arguments', 'DOCUMENT_TOO_LARGE', () => withFields({ Cmd: ['x'.repeat(1024 * 1024)] })),
    bad('a million empty arguments', 'DOCUMENT_TOO_LARGE', () =>
      withFields({ Cmd: Array.from({ length: 1_000_000 }, () => '') }),
    ),
    bad('a check of a megabyte', 'DOCUMENT_TOO_LARGE', () =>
      withFields({ Healthcheck: { Test: ['CMD', 'x'.repeat(1024 * 1024)] } }),
    ),
    bad('two thousand volumes', 'DOCUMENT_TOO_LARGE', () =>
      withFields({ Volumes: Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`/v${i}`, {}])) }),
    ),
    bad('a shell that is a number', 'DOCUMENT_MALFORMED', () => withFields({ Shell: 5 })),
    bad('a check with a negative interval', 'DOCUMENT_MALFORMED', () =>
      withFields({ Healthcheck: { Test: ['CMD', 'x'], Interval: -1 } }),
    ),
    bad('a check with half a retry', 'DOCUMENT_MALFORMED', () =>
      withFields({ Healthcheck: { Test: ['CMD', 'x'], Retries: 0.5 } }),
    ),
    ...[
      '0/tcp',
      '65536/tcp',
      '-1/tcp',
      '80/icmp',
      '80-70/tcp',
      '1-70000/tcp',
      '0x50/tcp',
      '٨٠/tcp',
      '80/tcp/udp',
      '80 /tcp',
      '$PORT/tcp',
      '',
      '80/',
      '1e2/tcp',
      '99999999999999999999/tcp',
      '80\n81/tcp',
    ].map((port) =>
      bad(`the port ${JSON.stringify(port)}`, 'EXPOSED_PORT_INVALID', () =>
        withFields({ ExposedPorts: { [port]: {} } }),
      ),
    ),
    bad('all ports of all three protocols', 'DOCUMENT_TOO_LARGE', () =>
      withFields({ ExposedPorts: { '1-65535/tcp': {}, '1-65535/udp': {}, '1-65535/sctp': {} } }),
    ),
    good('labels that are orders to others', { config: {} }, () =>
      withFields({
        Labels: { 'io.containerd.runtime': 'evil', 'com.docker.compose.project': '$(reboot)', __proto__: 'x' },
      }),
    ),
    good('labels that are no labels', { config: {} }, () => withFields({ Labels: 7 })),
    good('a history and orders of builders', { config: {} }, () =>
      withConfig({ ...CONFIG_JSON, history: 'evil', container_config: { User: 0 }, OnBuild: ['RUN evil'] }),
    ),
    good('keys in other letters, which Go would take', { config: { user: '', env: [] } }, () =>
      withFields({ user: '0', env: ['LD_PRELOAD=/evil'], ENTRYPOINT: ['/evil'] }),
    ),
    good('the user twice, of which the last counts', { config: { user: '1000' } }, () =>
      withConfig(
        JSON.stringify({ ...CONFIG_JSON, config: { User: 'X' } }).replace('"User":"X"', '"User":"0","User":"1000"'),
      ),
    ),
    good('variables without a name', { config: { env: ['GOOD=1'] } }, () =>
      withFields({ Env: ['=x', 'NOTHING', '', 'GOOD=1'] }),
    ),
    good('a lone text as its command', { config: { cmd: ['echo'] } }, () => withFields({ Cmd: 'echo' })),
  ],
};
