/** What the sending side of scp says (OpenSSH's scp.c; there is no other description). */
export type ScpMessage =
  | { readonly kind: 'file' | 'directory'; readonly mode: number; readonly size: number; readonly name: string }
  | { readonly kind: 'times'; readonly mtime: number; readonly atime: number }
  | { readonly kind: 'end' }
  | { readonly kind: 'error'; readonly fatal: boolean; readonly text: string };

/** A line without its newline; undefined when it is none of these. Names are plain: nobody gets out of a directory. */
export function parseScpMessage(line: string): ScpMessage | undefined {
  const entry = /^([CD])([0-7]{4}) (\d{1,16}) ([^/\0\n]+)$/.exec(line);
  if (entry !== null) {
    const [, kind, mode = '', size = '', name = ''] = entry;
    if (name === '.' || name === '..') return undefined;
    const common = { mode: Number.parseInt(mode, 8), size: Number(size), name };
    return Number.isSafeInteger(common.size) ? { kind: kind === 'C' ? 'file' : 'directory', ...common } : undefined;
  }
  const times = /^T(\d{1,15}) \d{1,6} (\d{1,15}) \d{1,6}$/.exec(line);
  if (times !== null) return { kind: 'times', mtime: Number(times[1]), atime: Number(times[2]) };
  if (line === 'E') return { kind: 'end' };
  const first = line.charCodeAt(0);
  return first === 1 || first === 2 ? { kind: 'error', fatal: first === 2, text: line.slice(1) } : undefined;
}

export function formatScpMessage(message: ScpMessage): string {
  switch (message.kind) {
    case 'file':
    case 'directory': {
      const mode = (message.mode & 0o7777).toString(8).padStart(4, '0');
      return `${message.kind === 'file' ? 'C' : 'D'}${mode} ${message.size} ${message.name}\n`;
    }
    case 'times':
      return `T${message.mtime} 0 ${message.atime} 0\n`;
    case 'end':
      return 'E\n';
    case 'error':
      return `${message.fatal ? '\x02' : '\x01'}${message.text.replaceAll('\n', ' ')}\n`;
  }
}

/** How the client's scp calls the other side. */
export interface ScpCall {
  /** `to` takes what the client sends, `from` gives. */
  readonly direction: 'to' | 'from';
  readonly recursive: boolean;
  readonly times: boolean;
  /** The target has to be a directory. */
  readonly directory: boolean;
  readonly paths: readonly string[];
}

/** Whether a command, as it is typed, calls the other side of a copy: only then is it read by a shell for its words. */
export function isScpServer(command: string): boolean {
  return /^\s*(?:[\w./-]*\/)?scp(?:\s+-[a-zA-Z]+)*\s+-[a-zA-Z]*[tf][a-zA-Z]*\s/.test(command);
}

/** The words of a command, `scp` first; undefined for anything but the other side of a copy. */
export function parseScpCall(words: readonly string[]): ScpCall | undefined {
  if (words[0]?.split('/').at(-1) !== 'scp') return undefined;
  const flags = new Set<string>();
  let at = 1;
  for (; at < words.length && /^-[a-zA-Z]+$/.test(words[at] ?? ''); at += 1) {
    for (const flag of (words[at] ?? '').slice(1)) flags.add(flag);
  }
  if (words[at] === '--') at += 1;
  const paths = words.slice(at);
  const unknown = [...flags].some((flag) => !'tfrpdqvB'.includes(flag));
  if (unknown || flags.has('t') === flags.has('f') || paths.length === 0) return undefined;
  if (flags.has('t') && paths.length > 1) return undefined;
  return {
    direction: flags.has('t') ? 'to' : 'from',
    recursive: flags.has('r'),
    times: flags.has('p'),
    directory: flags.has('d'),
    paths,
  };
}
