import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Container } from '@slipway/garden';
import { describeError } from '@slipway/service-kit';

/** What of its output is kept; the same as with Docker (moby, daemon/health.go). */
const MAX_OUTPUT_BYTES = 4_096;
/** What of it is told: a crash reason has 1,024 characters in all. */
const MAX_TOLD = 500;
// Only bounds what hangs.
const LAST_WORDS_MS = 1_000;

/**
 * Goes to the directory of the app and finds the program as execvp(3) does, within the container. The shell of our own
 * is asked for nothing but that: its built-in programs would come before those of the image.
 */
const FIND_AND_RUN = `cd "$0" || exit 126
case $1 in */*) exec "$@";; esac
name=$1; shift; IFS=:
for directory in $PATH; do
  [ -f "$directory/$name" ] && [ -x "$directory/$name" ] && exec "$directory/$name" "$@"
done
echo "$name: executable file not found in PATH" >&2
exit 127`;

const SHELL: readonly string[] = ['/.slipway/busybox', 'sh', '-c', FIND_AND_RUN];

/**
 * Runs an image's health check. Undefined when it ends with status 0 in time, else why it did not, with what it wrote.
 * All that it has started is gone when this resolves. Never rejects.
 */
export async function runImageCheck(
  container: Pick<Container, 'exec'>,
  { argv, directory }: { readonly argv: readonly string[]; readonly directory: string },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  let output = '';
  const tell = (what: string): string => (output === '' ? what : `${what}: ${output}`);
  try {
    const session = container.exec({ argv: [...SHELL, directory === '' ? '/' : directory, ...argv] });
    session.stdin.end();
    const streams = [session.stdout, session.stderr].map((stream) => collect(stream));
    const deadline = AbortSignal.timeout(Math.ceil(timeoutMs));
    const over = AbortSignal.any([deadline, signal]);
    const gaveUp = new Promise<'late'>((resolve) => {
      over.addEventListener('abort', () => resolve('late'), { once: true });
      if (over.aborted) resolve('late');
    });
    const ended = await Promise.race([session.exited, gaveUp]);
    await session.close();
    // Nobody who could write is left, so they end; what only is on its way comes first.
    await Promise.race([Promise.all(streams.map(({ ended: read }) => read)), delay(LAST_WORDS_MS)]);
    output = streams
      .map(({ text }) => text())
      .join('')
      .trim()
      .replaceAll(/\s*\n\s*/g, ' | ')
      .slice(0, MAX_TOLD);
    if (ended === 0) return undefined;
    if (ended !== 'late') return tell(`it exited with status ${ended}`);
    return signal.aborted ? 'cancelled' : tell(`timed out after ${(timeoutMs / 1_000).toFixed(2)} seconds`);
  } catch (error) {
    return `it could not be run: ${describeError(error)}`;
  }
}

/** Reads all, so that nobody waits for us, and keeps the beginning. */
function collect(stream: Readable | undefined): { readonly text: () => string; readonly ended: Promise<void> } {
  const kept: Buffer[] = [];
  let room = MAX_OUTPUT_BYTES;
  stream?.on('data', (bytes: Buffer) => {
    if (room > 0) kept.push(bytes.subarray(0, room));
    room -= bytes.length;
  });
  stream?.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => {
    if (stream === undefined) resolve();
    stream?.once('close', resolve);
  });
  // Bytes of an image: what is no printable text would garble the log.
  return {
    text: () =>
      Buffer.concat(kept)
        .toString('utf8')
        .replaceAll(/[^\P{C}\n]/gu, ''),
    ended,
  };
}
