import { readFileSync } from 'node:fs';
import type { TarSpec } from '../tar/tar-writer.test-support.ts';

/** Debian's static busybox, of which the tests make their images. */
const BUSYBOX = '/bin/busybox';

const APPLETS =
  `sh cat echo sleep id ls true false kill ps mount wget nc httpd dd head yes stat touch chown hostname ip seq
  mkdir grep env unshare test readlink tr wc tail ping su chmod nproc date`.split(/\s+/);

/** Entries of a small image: busybox with its usual names, root and an ordinary user. */
export function busyboxEntries(): readonly TarSpec[] {
  return [
    { name: 'bin/busybox', content: readFileSync(BUSYBOX), mode: 0o755 },
    ...APPLETS.map((name): TarSpec => ({ name: `bin/${name}`, type: '2', link: 'busybox' })),
    { name: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n' },
    { name: 'etc/group', content: 'root:x:0:\napp:x:1001:\nlogs:x:44:app\n' },
    { name: 'home/app/', type: '5', uid: 1000, gid: 1001, mode: 0o755 },
    { name: 'tmp/', type: '5', mode: 0o1777 },
  ];
}
