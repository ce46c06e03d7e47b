import { readFileSync, rmSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errnoCode } from '../sys/sys-error.ts';
import { type ImageName, imageNameSchema } from './image-name.ts';
import type { StoreStepListener } from './store-steps.ts';

const pinSchema = z.object({
  image: imageNameSchema,
  /** It is what its app runs now, not what it could go back to. */
  current: z.boolean(),
  diffIds: z.array(z.string()).readonly(),
});
const fileSchema = z.object({ v: z.literal(1), pins: z.array(pinSchema).readonly() });

export interface Pin {
  readonly image: ImageName;
  readonly current: boolean;
  readonly diffIds: readonly string[];
}

/**
 * The images that must stay: all that is wanted of this cell, whether it is here yet or not. They are kept on disk, for
 * a cell that starts while nobody can tell it what is wanted must not take everything for rubbish.
 */
export class Pins {
  readonly #path: string;
  readonly #step: StoreStepListener;
  readonly #onFailure: (error: unknown) => void;
  #pins: readonly Pin[] = [];
  #text = '';
  #writing: Promise<void> = Promise.resolve();

  constructor(dir: string, step: StoreStepListener, onFailure: (error: unknown) => void) {
    this.#path = join(dir, 'pins.json');
    this.#step = step;
    this.#onFailure = onFailure;
  }

  load(): void {
    rmSync(this.#temporary, { force: true });
    try {
      const text = readFileSync(this.#path, 'utf8');
      this.#pins = fileSchema.parse(JSON.parse(text)).pins;
      this.#text = text;
    } catch (error) {
      if (errnoCode(error) === 'ENOENT') return;
      // It is written whole or not at all, so this is damage; the next that is told what is wanted writes it anew.
      this.#onFailure(error);
    }
  }

  list(): readonly Pin[] {
    return this.#pins;
  }

  /** Counts at once; on disk it is a moment later. */
  set(pins: readonly Pin[]): void {
    this.#pins = pins;
    const text = `${JSON.stringify({ v: 1, pins })}\n`;
    if (text === this.#text) return;
    this.#text = text;
    this.#writing = this.#writing.then(async () => {
      // Another set came meanwhile and writes its own.
      if (text !== this.#text) return;
      try {
        await this.#write(text);
      } catch (error) {
        if (this.#text === text) this.#text = '';
        this.#onFailure(error);
      }
    });
  }

  async settled(): Promise<void> {
    await this.#writing;
  }

  get #temporary(): string {
    return `${this.#path}.tmp`;
  }

  async #write(text: string): Promise<void> {
    this.#step('pins:write');
    const file = await open(this.#temporary, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    this.#step('pins:replace');
    await rename(this.#temporary, this.#path);
  }
}
