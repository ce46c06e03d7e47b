// @module-tag root
import { statSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LayerHandle } from '../layers/layer.ts';
import type { LogLine } from '../logs/log-reader.ts';
import type { Container } from './container.ts';
import type { SidecarSpec } from './container-spec.ts';
import {
  busyboxImage,
  containerSpec,
  expectNothingLeft,
  openCell,
  storeImage,
  testCell,
} from './garden.test-support.ts';
import type { Garden } from './garden.ts';
import { checkPaths } from './write-files.ts';

// Real containers: they need root, runc, conmon, tini and busybox-static.

const options = testCell();
let garden: Garden;
let image: readonly LayerHandle[];
beforeAll(async () => {
  garden = await openCell(options);
  image = await storeImage(garden, busyboxImage());
});
afterAll(async () => {
  await garden?.teardown();
  expectNothingLeft(options);
});

const shell = (command: string) => ({ command, entrypoint: [], cmd: [], workdir: '', imageEnv: [] });
const sidecar = (name: string, command: string, env: Record<string, string> = {}): SidecarSpec => ({
  name,
  process: { ...shell(command), user: 'app', env },
});

/** Lines as `who: text`. */
class Said {
  readonly all: string[] = [];
  readonly #waiting = new Set<() => void>();

  readonly sink = (lines: readonly LogLine[]): void => {
    for (const line of lines) this.all.push(`${line.sidecar ?? 'app'}: ${Buffer.from(line.line)}`);
    for (const look of this.#waiting) look();
  };

  async until(text: string): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.all.includes(text)) resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}

async function start(
  app: string,
  sidecars: readonly SidecarSpec[],
): Promise<{ readonly container: Container; readonly said: Said; readonly ended: Promise<void> }> {
  const container = await garden.create(containerSpec(image, { command: app }, { sidecars }));
  const said = new Said();
  const { ended } = container.readLogs(said.sink);
  await container.start();
  return { container, said, ended };
}

const FOREVER = 'while :; do sleep 1000; done';
const HELPER_DONE = 'touch /tmp/helper-done';
const UNTIL_HELPER_DONE = 'until [ -f /tmp/helper-done ]; do sleep 0.05; done';

describe('a sidecar', () => {
  test('runs beside the app: same processes, files and network, its own user, environment and lines', async () => {
    const script =
      'id -u; cat /tmp/app; echo "$WHO" >&2; ps -o args | grep -c "[s]leep 1000"; wget -qO- 127.0.0.1:8080/x';
    const { container, said } = await start(
      `mkdir /srv; echo shared >/srv/x; echo from app >/tmp/app; httpd -p 8080 -h /srv; echo up; ${FOREVER}`,
      [
        sidecar(
          'helper',
          `until [ -f /srv/x ] && wget -qO- 127.0.0.1:8080/x; do sleep 0.05; done; ${script}; ${FOREVER}`,
          { WHO: 'a "b"' },
        ),
      ],
    );
    await said.until('helper: 1000');
    await said.until('helper: from app');
    await said.until('helper: a "b"');
    await said.until('helper: shared');
    await said.until('app: up');
    await container.delete();
  });

  test('that ends is noticed with its status, while the app goes on', async () => {
    const { container, said } = await start(`echo up; ${FOREVER}`, [
      sidecar('lasting', FOREVER),
      sidecar('short', 'echo last words; exit 7'),
    ]);
    const [lasting, short] = container.sidecars;
    expect(await short?.exited).toMatchObject({ status: 7, outOfMemory: false });
    await said.until('short: last words');
    expect(container.state).toBe('running');
    expect(short?.signal('SIGTERM')).toBe(false);
    expect(lasting?.signal('SIGTERM')).toBe(true);
    expect(await lasting?.exited).toMatchObject({ status: 143 });
    await container.delete();
  });

  test('ends with the app, and all that both wrote is read', async () => {
    const { container, said, ended } = await start(`${UNTIL_HELPER_DONE}; echo bye; exit 3`, [
      sidecar('helper', `echo hello; ${HELPER_DONE}; ${FOREVER}`),
    ]);
    expect(await container.exited).toMatchObject({ status: 3 });
    expect(await container.sidecars[0]?.exited).toMatchObject({ status: 137 });
    await ended;
    expect(said.all.toSorted()).toEqual(['app: bye', 'helper: hello']);
    await container.delete();
  });

  test('is no privileged process', async () => {
    const { container, said } = await start(FOREVER, [
      sidecar(
        'helper',
        'grep -E "CapEff|CapBnd|NoNewPrivs|Seccomp:" /proc/self/status; mount -t tmpfs x /mnt || echo no',
      ),
    ]);
    await container.sidecars[0]?.exited;
    await said.until('helper: no');
    const status = said.all.map((line) => line.replace(/\s+/g, ' '));
    expect(status).toEqual(
      expect.arrayContaining([
        'helper: CapEff: 0000000000000000',
        'helper: CapBnd: 0000000000000000',
        'helper: NoNewPrivs: 1',
        'helper: Seccomp: 2',
      ]),
    );
    await container.delete();
  });

  test('that cannot be run fails the creation, and an app that ends at once does not', async () => {
    const spec = containerSpec(image, { command: FOREVER });
    const process = { ...shell(''), command: undefined, entrypoint: ['/nowhere'], user: '', env: {} };
    await expect(garden.create({ ...spec, sidecars: [{ name: 'x', process }] })).rejects.toMatchObject({
      code: 'PROCESS_EXECUTABLE_NOT_FOUND',
    });
    const { container } = await start('exit 5', [sidecar('helper', FOREVER)]);
    expect(await container.exited).toMatchObject({ status: 5 });
    await container.delete();
  });

  test('is still followed by the rep after this one, and the one after that', async () => {
    const { container } = await start(`echo up; ${FOREVER}`, [sidecar('one', FOREVER), sidecar('other', FOREVER)]);
    const { handle } = container;
    await garden.close();
    garden = await openCell(options);
    const adopted = garden.container(handle) as Container;
    expect(adopted.sidecars.map(({ name }) => name)).toEqual(['one', 'other']);
    expect(adopted.sidecars[1]?.signal('SIGKILL')).toBe(true);
    expect(await adopted.sidecars[1]?.exited).toMatchObject({ status: 137 });
    await garden.close();
    garden = await openCell(options);
    // It ended while another rep was there: this one is told again.
    expect(await garden.container(handle)?.sidecars[1]?.exited).toMatchObject({ status: 137 });
    image = await storeImage(garden, busyboxImage());
    await garden.container(handle)?.delete();
  });
});

describe('files', () => {
  const destination = '/etc/cf-service-bindings';

  test('are seen by app and sidecar, belong to root, and nobody can change them', async () => {
    const files = [
      { path: 'db/password', content: 'geheim "1"\n' },
      { path: 'db/type', content: 'user-provided' },
    ];
    const look = `cat ${destination}/db/password; ls -ln ${destination}/db | tail -n +2 | tr -s ' '; echo x >${destination}/db/type || echo refused`;
    const spec = containerSpec(image, {
      command: `${look}; chmod 777 ${destination} || echo kept; ${UNTIL_HELPER_DONE}`,
      user: 'root',
    });
    const container = await garden.create({
      ...spec,
      files: [{ destination, files }],
      sidecars: [sidecar('helper', `cat ${destination}/db/type; ${HELPER_DONE}; ${FOREVER}`)],
    });
    const said = new Said();
    const { ended } = container.readLogs(said.sink);
    await container.start();
    await container.exited;
    await ended;
    expect(said.all).toContain('app: geheim "1"');
    expect(said.all.filter((line) => /^app: -rw-r--r-- 1 0 0 /.test(line))).toHaveLength(2);
    expect(said.all).toEqual(expect.arrayContaining(['app: refused', 'app: kept', 'helper: user-provided']));
    await container.delete();
  });

  test('are refused where a path could lead elsewhere', async () => {
    const spec = containerSpec(image, { command: 'true' });
    for (const path of ['../x', '/x', 'a/../x', 'a//b', '.', '..', 'a/..', '', 'a\0b', 'a b']) {
      await expect(
        garden.create({ ...spec, files: [{ destination, files: [{ path, content: '' }] }] }),
      ).rejects.toMatchObject({ code: 'CONTAINER_FILES_INVALID' });
    }
    expect(() => checkPaths(['a', 'a/b'])).toThrow('is below a file');
    expect(() => checkPaths(['a/b', 'a/b'])).toThrow('is given twice');
    expect(statSync(options.dataDir).isDirectory()).toBe(true);
  });

  test('of any path that is accepted stay below their directory', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', '.', '..', '/', '..a', 'b.c', '\0', ' '), { maxLength: 8 }),
        (parts) => {
          const path = parts.join('');
          try {
            checkPaths([path]);
          } catch {
            return;
          }
          expect(path.split('/').every((name) => name !== '' && name !== '.' && name !== '..')).toBe(true);
        },
      ),
    );
  });
});
