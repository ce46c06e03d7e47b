// @ts-check
// Tells a human what is going on: on a terminal one line that moves, else a line now and then.

const QUIET_MS = 15_000;
const REDRAW_MS = 200;

/**
 * @typedef {object} Progress
 * @property {(detail: string) => void} detail what the step does right now
 * @property {(summary?: string) => void} done
 * @property {(error: unknown) => void} failed
 */

/**
 * @param {string} title
 * @param {NodeJS.WriteStream} out
 * @returns {Progress}
 */
export function startProgress(title, out = process.stdout) {
  const started = Date.now();
  let detail = '';
  let lastPlain = started;
  const seconds = () => `${((Date.now() - started) / 1000).toFixed(0)} s`;
  const draw = () => {
    if (out.isTTY) {
      const text = `  ${title} ... ${seconds()}${detail && `  ${detail}`}`;
      out.write(`\r\x1b[2K${text.slice(0, (out.columns ?? 80) - 1)}`);
    } else if (Date.now() - lastPlain >= QUIET_MS) {
      lastPlain = Date.now();
      out.write(`  ... ${seconds()}${detail && `, ${detail}`}\n`);
    }
  };
  if (!out.isTTY) out.write(`  ${title}\n`);
  draw();
  const timer = setInterval(draw, REDRAW_MS);
  /** @param {string} text */
  const end = (text) => {
    clearInterval(timer);
    out.write(out.isTTY ? `\r\x1b[2K  ${title}: ${text}\n` : `  ... ${text}\n`);
  };
  return {
    detail: (text) => {
      detail = text;
    },
    done: (summary) => end(`done in ${seconds()}${summary === undefined ? '' : `, ${summary}`}`),
    failed: (error) =>
      end(`${error instanceof Error && error.name === 'AbortError' ? 'stopped' : 'FAILED'} after ${seconds()}`),
  };
}
