import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../sys/atomic-file.ts';
import type { ImageName } from './image-name.ts';
import type { KnownImage } from './layer-ledger.ts';
import type { StoreStepListener } from './store-steps.ts';

const knownImageSchema = z.object({
  v: z.literal(1),
  id: z.string(),
  reference: z.string().optional(),
  apps: z.array(z.string()),
  diffIds: z.array(z.string()),
});

/** The latest of the apps that asked for an image; an image of thousands of apps is nobody's in particular. */
const MOST_APPS = 8;

/**
 * Which images the store's layers were asked for as, so that what nobody keeps can be told by its name. Figures only:
 * nothing depends on it, and what is lost of it is written again at the next use.
 */
export class ImageBook {
  readonly #dir: string;
  readonly #step: StoreStepListener;
  readonly #images = new Map<string, KnownImage>();

  constructor(dir: string, step: StoreStepListener) {
    this.#dir = join(dir, 'images');
    this.#step = step;
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
  }

  load(): void {
    for (const file of readdirSync(this.#dir)) {
      const image = this.#read(join(this.#dir, file));
      if (image !== undefined && fileOf(image.id) === file) this.#images.set(image.id, image);
      else rmSync(join(this.#dir, file));
    }
  }

  list(): readonly KnownImage[] {
    return [...this.#images.values()];
  }

  /** Layers may be asked for one by one; the image has all of them. */
  note({ id, reference, app }: ImageName, asked: readonly string[]): void {
    const before = this.#images.get(id);
    const diffIds = [...new Set([...(before?.diffIds ?? []), ...asked])];
    const others = before?.apps.filter((guid) => guid !== app?.guid) ?? [];
    const same = before !== undefined && (app === undefined || before.apps.includes(app.guid));
    if (same && before.reference === (reference ?? before.reference) && before.diffIds.length === diffIds.length)
      return;
    const apps = [...others, ...(app === undefined ? [] : [app.guid])].slice(-MOST_APPS);
    const image: KnownImage = { id, reference: reference ?? before?.reference, apps, diffIds };
    this.#step('use:image');
    writeFileAtomically(join(this.#dir, fileOf(id)), `${JSON.stringify({ v: 1, ...image })}\n`);
    this.#images.set(id, image);
  }

  /** Forgets the images of which no layer is left. */
  prune(has: (diffId: string) => boolean): void {
    for (const { id, diffIds } of this.#images.values()) {
      if (diffIds.some(has)) continue;
      this.#images.delete(id);
      rmSync(join(this.#dir, fileOf(id)), { force: true });
    }
  }

  #read(path: string): KnownImage | undefined {
    try {
      return knownImageSchema.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data;
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }
}

/** Ids are the caller's, and may be anything. */
function fileOf(id: string): string {
  return `${createHash('sha256').update(id).digest('hex')}.json`;
}
