import { type Flow, inOwnSpace } from '../cli/flow.ts';

/** ssh with a command, as a process and an instance, with what it may not; ssh-code. */
export const ssh: Flow = {
  name: 'ssh',
  run: async (session) => {
    const { images, name } = session;
    const admin = await inOwnSpace(session);
    const app = name('web');
    await admin.cf(['push', app, '-o', images.good, '-m', '64M', '-i', '2']);
    await admin.cf(['ssh-code'], { says: [/^\S{10,}$/m] });
    await admin.cf(['ssh', app, '-c', 'echo "instance $CF_INSTANCE_INDEX"'], { says: ['instance 0'] });
    await admin.cf(['ssh', app, '-i', '1', '-c', 'echo "instance $CF_INSTANCE_INDEX"'], { says: ['instance 1'] });
    await admin.cf(['ssh', app, '--process', 'web', '-T', '-c', 'echo "as $USER" >&2; exit 3'], { status: 3 });
    await admin.cf(['ssh', app, '-t', '-c', 'tty'], { status: 1, says: ['not a tty'] });
    await admin.cf(['ssh', app, '--force-pseudo-tty', '-c', 'tty'], { says: ['/dev/pts/'] });
    await admin.cf(['ssh', app, '-k', '-c', 'echo unchecked'], { says: ['unchecked'] });
    await admin.cf(['ssh', app, '-i', '7', '-c', 'true'], { status: 1, says: ['Instance 7 of process web not found'] });
    await admin.cf(['ssh', app, '--process', 'worker', '-c', 'true'], { status: 1 });
    await admin.cf(['disable-ssh', app]);
    await admin.cf(['ssh', app, '-c', 'true'], { status: 1 });
    await admin.cf(['enable-ssh', app]);
    await admin.cf(['stop', app]);
    await admin.cf(['ssh', app, '-c', 'true'], { status: 1, says: ['not in the STARTED state'] });
    await admin.cf(['delete-org', name('org'), '-f']);
  },
};
