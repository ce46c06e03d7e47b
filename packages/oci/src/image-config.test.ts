import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from './digest.ts';
import { OciError } from './errors.ts';
import { parseImageConfig } from './image-config.ts';
import { type ImageManifest, imageLayers } from './image-manifest.ts';
import { mediaTypes } from './media-types.ts';

const parse = (document: unknown) => parseImageConfig(Buffer.from(JSON.stringify(document)));
const rootfs = { type: 'layers', diff_ids: [digestOf('a')] };

test('the named fields are read and no others', () => {
  const config = parse({
    architecture: 'arm64',
    os: 'linux',
    variant: 'v8',
    author: 'someone',
    history: [{ created_by: 'x' }],
    rootfs,
    config: {
      Env: ['PATH=/bin', 'QUOTES="a" \'b\' $1\nnext', 'EMPTY='],
      Entrypoint: ['/app'],
      Cmd: ['--port', '8080'],
      WorkingDir: '/srv',
      User: '1000:1000',
      ExposedPorts: { '8080/tcp': {}, '53/udp': {}, '80': {} },
      StopSignal: 'SIGQUIT',
      Healthcheck: {
        Test: ['CMD', '/check'],
        Interval: 5_000_000_000,
        Timeout: 1_500_000_000,
        Retries: 3,
        StartInterval: 250_000_000,
      },
      Shell: ['/bin/bash', '-c'],
      Volumes: { '/z': {}, '/data': {} },
      Labels: { 'io.example.command': 'rm -rf /' },
      OnBuild: ['RUN x'],
    },
  });
  expect(config).toEqual({
    platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
    env: ['PATH=/bin', 'QUOTES="a" \'b\' $1\nnext', 'EMPTY='],
    entrypoint: ['/app'],
    cmd: ['--port', '8080'],
    workingDir: '/srv',
    user: '1000:1000',
    exposedPorts: [
      { port: 80, protocol: 'tcp' },
      { port: 8080, protocol: 'tcp' },
      { port: 53, protocol: 'udp' },
    ],
    stopSignal: 'SIGQUIT',
    healthcheck: { test: ['CMD', '/check'], intervalMs: 5000, timeoutMs: 1500, startIntervalMs: 250, retries: 3 },
    shell: ['/bin/bash', '-c'],
    volumes: ['/data', '/z'],
    diffIds: [digestOf('a')],
  });
});

test('what is null, empty or missing is empty', () => {
  const nothing = {
    platform: { os: '', architecture: '' },
    env: [],
    entrypoint: [],
    cmd: [],
    workingDir: '',
    user: '',
    exposedPorts: [],
    volumes: [],
    diffIds: [],
  };
  expect(parse({ rootfs: { type: 'layers', diff_ids: null }, config: null })).toEqual(nothing);
  const nulls = {
    Env: null,
    Entrypoint: null,
    Cmd: null,
    WorkingDir: '',
    User: '',
    ExposedPorts: null,
    StopSignal: '',
    Healthcheck: null,
    Volumes: null,
  };
  expect(parse({ rootfs: { diff_ids: [] }, config: nulls, variant: '' })).toEqual(nothing);
  expect(parse({ rootfs: { diff_ids: [] }, config: { Healthcheck: { Test: [] } } })).toEqual(nothing);
});

test('a lone string is a command of one word, and variables without a name are left out', () => {
  const { cmd, entrypoint, env } = parse({
    rootfs,
    config: { Cmd: 'serve', Entrypoint: ['/init'], Env: ['A=1', 'NOVALUE', '=x', 'B=c=d'] },
  });
  expect({ cmd, entrypoint, env }).toEqual({ cmd: ['serve'], entrypoint: ['/init'], env: ['A=1', 'B=c=d'] });
});

test.each([
  ['a NUL in the environment', { rootfs, config: { Env: ['A=\0'] } }],
  ['a NUL in the command', { rootfs, config: { Cmd: ['a\0b'] } }],
  ['a NUL in the directory', { rootfs, config: { WorkingDir: '/a\0' } }],
  ['a number as command', { rootfs, config: { Cmd: [1] } }],
  ['a directory that no path can name', { rootfs, config: { WorkingDir: `/${'d'.repeat(5000)}` } }],
  ['more environment than a program can get', { rootfs, config: { Env: [`A=${'x'.repeat(1_100_000)}`] } }],
  ['an endless user name', { rootfs, config: { User: 'u'.repeat(1000) } }],
  ['a nonsense port', { rootfs, config: { ExposedPorts: { 'http/tcp': {} } } }],
  ['ports as a list', { rootfs, config: { ExposedPorts: ['80'] } }],
  ['a diffID that is none', { rootfs: { diff_ids: ['sha256:x'] } }],
  ['no rootfs', { config: {} }],
  ['another rootfs type', { rootfs: { type: 'layers+base', diff_ids: [] } }],
  ['a negative interval', { rootfs, config: { Healthcheck: { Test: ['CMD', 'x'], Interval: -1 } } }],
])('%s is refused', (_name, document) => {
  expect(() => parse(document)).toThrow(OciError);
});

test('layers and diffIDs are paired in order, and must be as many', () => {
  const layer = (text: string) => ({ mediaType: mediaTypes.ociLayer, digest: digestOf(text), size: text.length });
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 5 }), fc.array(fc.string(), { maxLength: 5 }), (packed, plain) => {
      const manifest: ImageManifest = {
        kind: 'manifest',
        mediaType: mediaTypes.ociManifest,
        config: layer('config'),
        layers: packed.map(layer),
      };
      const config = parse({ rootfs: { diff_ids: plain.map((text) => digestOf(text)) } });
      if (packed.length !== plain.length) {
        expect(() => imageLayers(manifest, config)).toThrow(
          `${packed.length} layers, the config lists ${plain.length}`,
        );
      } else {
        expect(imageLayers(manifest, config)).toEqual(
          packed.map((text, i) => ({ ...layer(text), diffId: digestOf(plain[i] ?? '') })),
        );
      }
    }),
  );
});

test('no JSON value makes the parser fail in any way but its own', () => {
  const field = fc.jsonValue();
  const keys = ['Env', 'Entrypoint', 'Cmd', 'WorkingDir', 'User', 'ExposedPorts', 'Healthcheck', 'Volumes'];
  const config = fc.dictionary(fc.constantFrom(...keys), field);
  fc.assert(
    fc.property(fc.oneof(config, field), (value) => {
      try {
        parse({ rootfs, config: value });
      } catch (error) {
        expect(error).toBeInstanceOf(OciError);
      }
    }),
  );
});
