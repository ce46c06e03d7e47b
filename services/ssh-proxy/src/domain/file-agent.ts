import { TOOLS_PATH } from '@slipway/contracts';

/**
 * Works on files inside the container, as the app's user and under its limits, with the static busybox and nothing of
 * the image. It reads one order a line, words encoded by `encodeWord`, and answers with one line: `ok …`, or `err ` and
 * the base64 of what went wrong. Bytes come back in base64, and go in as they are, as many as the order says.
 */
const AGENT = `umask 022
cd "\${HOME:-/}" 2>/dev/null || cd /
d() { v=$(printf '%b.' "$1"); v=\${v%.}; }
no() { printf 'err %s\\n' "$(printf %s "$1" | head -c 2000 | base64 -w 0)"; }
run() { if m=$("$@" 2>&1 </dev/null); then echo ok; else no "$m"; fi; }
get() { if m=$("$@" 2>&1 </dev/null); then printf 'ok %s\\n' "$m"; else no "$m"; fi; }
b64() { printf 'ok '; base64 -w 0; echo; }
echo ok
while read -r op a b c e; do
  d "$a"; p=$v
  case $op in
    stat) get stat -L -c '%f %u %g %s %X %Y' -- "$p" ;;
    lstat) get stat -c '%f %u %g %s %X %Y' -- "$p" ;;
    names)
      if m=$(cd "$p" 2>&1); then (cd "$p" && find . -mindepth 1 -maxdepth 1 -print0 2>/dev/null) | b64; else no "$m"; fi ;;
    stats)
      (cd "$p" 2>/dev/null && { set --; for w in $b $c $e; do d "$w"; set -- "$@" "$v"; done
        stat -c '%f %u %g %s %X %Y %n' -- "$@" 2>/dev/null; }) | b64 ;;
    read)
      if [ -d "$p" ]; then no 'Is a directory'; elif [ -p "$p" ]; then no 'Is a pipe'
      elif m=$( { : <"$p"; } 2>&1); then dd if="$p" bs="$c" skip="$b" count=1 iflag=skip_bytes 2>/dev/null | b64
      else no "$m"; fi ;;
    write)
      if [ -p "$p" ]; then dd bs="$c" count=1 iflag=fullblock 2>/dev/null >/dev/null; no 'Is a pipe'
      elif m=$(dd bs="$c" count=1 iflag=fullblock 2>/dev/null |
        dd of="$p" bs="$c" count=1 iflag=fullblock seek="$b" oflag=seek_bytes conv=notrunc 2>&1); then echo ok
      else no "$m"; fi ;;
    open)
      if [ -p "$p" ]; then no 'Is a pipe'; elif m=$( { : <"$p"; } 2>&1); then echo ok; else no "$m"; fi ;;
    create)
      new=; [ -e "$p" ] || new=1
      if [ -p "$p" ]; then no 'Is a pipe'
      elif case $c in
          excl) m=$( { set -C; : >"$p"; } 2>&1) ;;
          trunc) m=$( { : >"$p"; } 2>&1) ;;
          *) m=$( { : >>"$p"; } 2>&1) ;;
        esac
      then if [ -n "$new" ] && [ "$b" != - ]; then run chmod "$b" "$p"; else echo ok; fi
      else no "$m"; fi ;;
    mkdir) run mkdir -m "$b" -- "$p" ;;
    rmdir) run rmdir -- "$p" ;;
    remove) run unlink "$p" ;;
    rename) d "$b"; if [ -e "$v" ] || [ -L "$v" ]; then no 'File exists'; else run mv -- "$p" "$v"; fi ;;
    symlink) d "$b"; if [ -e "$v" ] || [ -L "$v" ]; then no 'File exists'; else run ln -s -- "$p" "$v"; fi ;;
    readlink) if [ -L "$p" ]; then readlink -n "$p" | b64; else no 'Invalid argument'; fi ;;
    realpath) if m=$(readlink -f "$p" 2>&1); then printf %s "$m" | b64; else no "$m"; fi ;;
    chmod) run chmod "$b" "$p" ;;
    chown) run chown "$b" "$p" ;;
    times) if m=$(touch -c -d "@$b" "$p" 2>&1 && touch -c -m -d "@$c" "$p" 2>&1); then echo ok; else no "$m"; fi ;;
    truncate) run truncate -s "$b" "$p" ;;
    words) (eval "set -- $p" && printf '%s\\0' "$@") 2>/dev/null </dev/null | b64 ;;
    *) no 'unknown order' ;;
  esac
done`;

export const agentArguments: readonly string[] = [TOOLS_PATH, 'sh', '-c', AGENT];

/** A word of an order: every byte but plain ones as busybox's `printf %b` reads them. Never empty. */
export function encodeWord(word: string | number): string {
  const bytes = Buffer.from(String(word));
  const encoded = [...bytes].map((byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9_./,:@-]/.test(character) ? character : `\\0${byte.toString(8).padStart(3, '0')}`;
  });
  // What decodes to nothing, for a word that is nothing would not be one.
  return encoded.length === 0 ? '\\c' : encoded.join('');
}

/** What is known of a file. */
export interface FileStat {
  /** Type and permissions, as in `st_mode`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds since 1970. */
  readonly atime: number;
  readonly mtime: number;
}

/** busybox's `%f %u %g %s %X %Y`. Throws for anything else. */
export function parseStat(text: string): FileStat {
  const match = /^([0-9a-f]+) (\d+) (\d+) (\d+) (-?\d+) (-?\d+)$/.exec(text);
  if (match === null) throw new Error('not a stat line');
  const [, mode = '', ...numbers] = match;
  const [uid = 0, gid = 0, size = 0, atime = 0, mtime = 0] = numbers.map(Number);
  return { mode: Number.parseInt(mode, 16), uid, gid, size, atime: Math.max(0, atime), mtime: Math.max(0, mtime) };
}

/** Lines of stat with names, of names that have no newline in them. */
export function parseNamedStats(text: string): ReadonlyMap<string, FileStat> {
  const found = new Map<string, FileStat>();
  for (const line of text.split('\n')) {
    const match = /^((?:[0-9a-f]+)(?: -?\d+){5}) (.+)$/.exec(line);
    if (match !== null) found.set(match[2] ?? '', parseStat(match[1] ?? ''));
  }
  return found;
}

export type FileProblem = 'not-found' | 'denied' | 'failed';

/** What a message of busybox comes to. */
export function problemOf(message: string): FileProblem {
  if (/No such file|nonexistent directory|Not a directory/i.test(message)) return 'not-found';
  return /Permission denied|Operation not permitted|Read-only file system/i.test(message) ? 'denied' : 'failed';
}

/** Messages of busybox begin with the applet or shell and where in it; users need only the rest. */
export function shortMessage(message: string): string {
  return (message.split('\n')[0] ?? '').replace(
    /^(?:sh|dd|stat|find|mkdir|rmdir|unlink|mv|ln|chmod|chown|touch|truncate|readlink): (?:line \d+: )?/,
    '',
  );
}

/** A path as the agent is told: one that begins with a dash is no option. */
export function agentPath(path: string): string {
  if (path === '') return '.';
  return path.startsWith('/') || path === '.' || path.startsWith('./') ? path : `./${path}`;
}
