import type { ProcessSpec } from './process-spec.ts';

/**
 * The command line that starts a process: through setpriv, which gives it its user, takes every privilege away for good
 * and has the kernel end it when the supervisor dies. Without a user it stays root and only dies with the supervisor.
 */
export function launchCommand(spec: ProcessSpec): readonly [string, ...string[]] {
  const dieWithParent = ['--pdeathsig', 'TERM'];
  if (spec.user === undefined) return ['setpriv', ...dieWithParent, '--', spec.command, ...spec.args];
  const capabilities =
    spec.bindsLowPorts === true
      ? [
          '--inh-caps',
          '-all,+net_bind_service',
          '--ambient-caps',
          '-all,+net_bind_service',
          '--bounding-set',
          '-all,+net_bind_service',
        ]
      : ['--inh-caps', '-all', '--ambient-caps', '-all', '--bounding-set', '-all'];
  return [
    'setpriv',
    ...['--reuid', String(spec.user.uid), '--regid', String(spec.user.gid), '--clear-groups', '--no-new-privs'],
    ...capabilities,
    ...dieWithParent,
    '--',
    spec.command,
    ...spec.args,
  ];
}
